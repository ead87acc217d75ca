import { defineConfig } from "vite";

// The service that `biofeedback run` starts; only used by `npm run dev`.
const service = "http://127.0.0.1:8765";
// It answers only to its own name, so the proxy takes that name.
const proxied = { target: service, changeOrigin: true, headers: { origin: service } };

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
    proxy: { "/api": { ...proxied, ws: true }, "/healthz": proxied },
  },
});
