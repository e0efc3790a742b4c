// Builds the bundle that the Python package ships, and the Node runner that its tests drive.
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const out = "../src/livewidget/widgets/static";
const common = { bundle: true, target: "es2022", logLevel: "warning" };

/**
 * anywidget imports the text anew for each model, and a browser never frees a module. So the text
 * runs its body only where no model of the page has done so before, and all of them share that.
 */
async function widget() {
  const { outputFiles } = await build({
    ...common,
    entryPoints: ["src/index.ts"],
    format: "iife",
    globalName: "widget",
    minify: true,
    write: false,
  });
  const body = outputFiles[0].text.trim();
  const version = createHash("sha256").update(body).digest("hex").slice(0, 16);
  const shared = `globalThis[Symbol.for("livewidget.module.${version}")]`;
  const license = await readFile("node_modules/fflate/LICENSE", "utf8"); // which asks for it
  await mkdir(out, { recursive: true });
  await writeFile(
    `${out}/index.js`,
    `function load(){${body}return widget.default}export default ${shared}??=load();\n/* fflate\n${license}*/\n`,
  );
}

await widget();
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
  format: "esm",
  platform: "node",
});
