// Counts what comes from the kernels, in the page itself: nothing has to be pumped to be counted.
(() => {
  const wire = { messages: 0, bytes: 0, ticks: 0, tickBytes: 0, sent: 0 };
  const text = new TextDecoder();
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => {
        const size = typeof data === "string" ? data.length : data.byteLength;
        wire.messages += 1;
        wire.bytes += size;
        // A message's parts stand in order: header, parent, metadata, content, then the buffers.
        const head = typeof data === "string" ? data : text.decode(data.slice(0, 4096));
        if (/"kind": ?"tick"/.test(head)) {
          wire.ticks += 1;
          wire.tickBytes += size;
        }
      });
    }
    send(data) {
      wire.sent += 1;
      super.send(data);
    }
  };
  window.__wire = wire;
})();
