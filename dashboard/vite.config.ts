import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { defineConfig, type Plugin } from "vite";

// The service that `biofeedback run` starts; only used by `npm run dev`.
const service = "http://127.0.0.1:8765";
// It answers only to its own name, so the proxy takes that name.
const proxied = { target: service, changeOrigin: true, headers: { origin: service } };

/** Of the files in `public`, those the page needs when nobody answers. */
const plain = ["icon.svg", "manifest.webmanifest"];

/**
 * Builds the service worker under a name that stays, and tells it which files there are.
 * The pages of researchers, therapists and admins need the service anyway, so nobody's
 * phone has to keep them.
 */
function worker(): Plugin {
  const name = "sw.js";
  let publicDir = "";
  return {
    name: "worker",
    apply: "build",
    enforce: "post",
    configResolved(config) {
      publicDir = config.publicDir;
    },
    buildStart() {
      this.emitFile({ type: "chunk", id: resolve("src/worker/sw.ts"), fileName: name });
    },
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const files = Object.values(bundle)
          .filter(({ fileName }) => fileName !== name && !/^(\.|assets\/(research|room)-)/.test(fileName))
          .map((one) => entry(one.fileName, one.type === "chunk" ? one.code : one.source));
        files.push(...plain.map((one) => entry(one, readFileSync(resolve(publicDir, one)))));
        files.sort((one, other) => (one.url < other.url ? -1 : 1));
        const chunk = bundle[name];
        if (chunk?.type !== "chunk" || chunk.imports.length > 0) {
          throw new Error("The service worker must be one file.");
        }
        const all = JSON.stringify(files);
        const build = createHash("sha256").update(all).update(chunk.code).digest("hex").slice(0, 16);
        chunk.code = `const BUILD=${JSON.stringify(build)},FILES=${all};${chunk.code}`;
      },
    },
  };
}

/**
 * What several screens need comes in one script: many small ones pack worse. What
 * `main.ts` needs stands apart, since nothing else may run before the words are set.
 */
const chunks = [
  { name: "first", test: /\/src\/(copy|language|preferences)\.ts$|preload-helper/, priority: 2 },
  { name: "own", test: /\/src\/(own-storage|whose)\.ts$/, priority: 2, includeDependenciesRecursively: false },
  // Of a place that several people share: needed by none who practises alone.
  {
    name: "together",
    test: /\/src\/(together|together-api|company-names|consent|day-words|passkey|sign-in-words|sound\/soft-cue|parts\/(company|share-ask|suggestion|password-field))\.ts$/,
    priority: 2,
    includeDependenciesRecursively: false,
  },
  { name: "details", test: /\/parts\/(numbers|signals)\.ts$/, priority: 2, includeDependenciesRecursively: false },
  { name: "shared", minShareCount: 2, priority: 1 },
];

function entry(fileName: string, content: string | Uint8Array): { url: string; integrity: string } {
  const hash = createHash("sha256").update(content).digest("base64");
  return { url: fileName === "index.html" ? "/" : `/${fileName}`, integrity: `sha256-${hash}` };
}

export default defineConfig({
  base: "/",
  plugins: [worker()],
  build: {
    target: "es2022",
    sourcemap: false,
    manifest: true, // which file belongs to what: for the test of the page's size
    assetsInlineLimit: 0, // nothing inline: the content security policy forbids it
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    rolldownOptions: { output: { codeSplitting: { groups: chunks } } },
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": { ...proxied, ws: true }, "/healthz": proxied },
  },
});
