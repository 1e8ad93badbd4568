import { defineConfig } from 'vite'

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 700 },
  // `npm run dev` shows the pages over a broadcaster that runs on its usual port.
  server: { proxy: { '^/(api|whep|hls|thumbnails)/': 'http://127.0.0.1:8080' } },
})
