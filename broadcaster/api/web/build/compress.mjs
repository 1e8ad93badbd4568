// Writes a .gz beside each file of the built application, so that the server never compresses anything twice.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const dist = new URL('../dist/', import.meta.url).pathname
let app = 0 // bytes of everything but the player, which is loaded when it is needed
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(html|js|css|svg)$/.test(entry.name) || entry.name === 'placeholder.html') continue
  const file = join(entry.parentPath ?? entry.path, entry.name)
  const packed = gzipSync(readFileSync(file), { level: 9 })
  writeFileSync(`${file}.gz`, packed)
  if (!entry.name.startsWith('hls-')) app += packed.length
}
const limit = 200_000
console.log(`application ${(app / 1000).toFixed(1)} kB compressed, allowed are ${limit / 1000} kB`)
if (app > limit) process.exit(1)
