// uPlot with no kernel: the page makes the rows that feed.py makes, and keeps the window itself.
window.startPeer = ({ load, begins, window_s: span, red, grey, y_range: yRange, size }) => {
  const rows = Math.floor(load.points / load.series);
  const rate = rows / span;
  const spare = Math.max(rows >> 2, 1024);
  const columns = Array.from({ length: load.series + 1 }, () => new Float64Array(rows + spare));
  const noise = Float64Array.from({ length: 1 << 14 }, () => {
    const [a, b] = [Math.random() || 1e-9, Math.random()];
    return 0.05 * Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b);
  });
  const log = (window.__peer = { pushed: [], hasty: 0 });
  let made = 0;
  let end = 0;
  let pulse = 0;
  const add = (count) => {
    if (end + count > columns[0].length) {
      for (const column of columns) column.copyWithin(0, end - rows + count, end);
      end = rows - count;
    }
    for (let n = 0; n < count; n += 1, end += 1, made += 1) {
      const at = made / rate;
      while (begins[pulse + 1] <= at) pulse += 1;
      const high = begins[pulse] <= at && at - begins[pulse] < 0.12;
      columns[0][end] = at;
      columns[1][end] = (high ? 2 : 1.2) + 0.3 * noise[made & 16383];
      for (let s = 1; s < load.series; s += 1) {
        columns[s + 1][end] =
          Math.sin(at * ((6 * Math.PI) / span) + 0.4 * s) + noise[(made + 997 * s) & 16383];
      }
    }
  };
  const seen = () => columns.map((column) => column.subarray(end - rows, end));
  add(rows);
  const begun = (performance.timeOrigin + performance.now()) / 1000 - span;
  const [width, height] = size;
  const options = {
    width,
    height,
    pxAlign: 1,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false }, y: { range: yRange } },
    series: [
      {},
      ...columns.slice(1).map((_, n) => {
        return { stroke: n ? grey : red, width: 1.5, points: { show: false } };
      }),
    ],
  };
  const charts = Array.from(
    { length: load.charts },
    () => new window.uPlot(options, seen(), document.body),
  );
  const update = () => {
    const now = (performance.timeOrigin + performance.now()) / 1000;
    const due = Math.floor((now - begun) * rate) - made;
    if (due > 0) {
      add(Math.min(due, rows));
      log.pushed.push([now, columns[0][end - 1]]);
      const data = seen();
      for (const chart of charts) chart.setData(data);
    }
    setTimeout(update, now < log.hasty ? 1 : 1000 / load.updates);
  };
  update();
};
