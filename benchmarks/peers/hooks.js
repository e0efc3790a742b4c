// Counts the frames in which a chart was drawn, whatever it is drawn with: SVG, canvas, WebGL or
// pictures. Installed before the page's own scripts.
(() => {
  const seen = (window.__hook = { at: [], cost: 0, calls: 0 });
  let due = false;
  const drawn = () => {
    due = false;
    seen.at.push(performance.now());
  };
  const touch = () => {
    if (!due) {
      due = true;
      requestAnimationFrame(drawn);
    }
  };
  const wrap = (kind, names) => {
    if (!window[kind]) return;
    for (const name of names) {
      const own = window[kind].prototype[name];
      window[kind].prototype[name] = function (...args) {
        touch();
        return own.apply(this, args);
      };
    }
  };
  const whole = ["clearRect", "stroke", "drawImage", "putImageData"];
  wrap("CanvasRenderingContext2D", whole);
  for (const kind of ["WebGLRenderingContext", "WebGL2RenderingContext"]) {
    wrap(kind, ["drawArrays", "drawElements"]);
  }
  wrap("ImageBitmapRenderingContext", ["transferFromImageBitmap"]);
  const observer = new MutationObserver(touch);
  const attributeFilter = ["d", "transform", "src", "points"];
  addEventListener("DOMContentLoaded", () => {
    observer.observe(document.documentElement, { attributes: true, attributeFilter, subtree: true });
  });
})();
