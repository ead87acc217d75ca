import { defineConfig } from "vite";

// The service that `biofeedback run` starts; only used by `npm run dev`.
const service = "http://127.0.0.1:8765";

export default defineConfig({
  base: "/",
  build: {
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0, // nothing inline: the content security policy forbids it
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    host: "127.0.0.1",
    proxy: { "/api": { target: service, ws: true }, "/healthz": service },
  },
});
