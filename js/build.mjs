// Builds the bundle that the Python package ships, and the Node runner that its tests drive.
import { build } from "esbuild";

const out = "../src/livewidget/widgets/static";
const common = { bundle: true, format: "esm", target: "es2022", logLevel: "warning" };

await build({ ...common, entryPoints: ["src/index.ts"], outfile: `${out}/index.js`, minify: true });
await build({
  ...common,
  entryPoints: ["src/style/index.css"],
  outfile: `${out}/index.css`,
  minify: true,
});
await build({
  ...common,
  entryPoints: ["src/apply-frames.ts"],
  outfile: "build/apply-frames.mjs",
  platform: "node",
});
