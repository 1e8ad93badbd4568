// Bundles the tests with the sources, as the pages are bundled, and runs them.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'vite'

const tests = (await readdir(new URL('.', import.meta.url))).filter((name) => name.endsWith('.test.ts'))
const outDir = await mkdtemp(join(tmpdir(), 'castnet-pages-'))
await build({
  logLevel: 'warn',
  build: { ssr: true, rollupOptions: { input: tests.map((name) => `test/${name}`) }, outDir, emptyOutDir: false, copyPublicDir: false },
  ssr: { noExternal: true },
})
for (const name of tests) await import(pathToFileURL(join(outDir, name.replace(/ts$/, 'js'))).href)
await rm(outDir, { recursive: true })
