// Bundles the tests with the sources, as the pages are bundled, and runs them.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'vite'

const outDir = await mkdtemp(join(tmpdir(), 'castnet-pages-'))
await build({ logLevel: 'warn', build: { ssr: 'test/format.test.ts', outDir, emptyOutDir: false, copyPublicDir: false } })
await import(pathToFileURL(join(outDir, 'format.test.js')).href)
await rm(outDir, { recursive: true })
