// Writes src/stake/abi.ts: the part of the contracts' ABI that the pages use, out of the committed bindings. It is made
// anew with every build, so that pages and contracts cannot drift apart: what is missing here fails the build.
import { readFileSync, writeFileSync } from 'node:fs'

const bindings = readFileSync(new URL('../../../../contracts/bindings/bindings.go', import.meta.url), 'utf8')
const used = {
  Staking: ['delegate', 'move', 'unbond', 'rebond', 'withdraw', 'claimFees', 'claimCommission'],
  CastToken: ['approve', 'allowance', 'balanceOf'],
}

function abiOf(contract) {
  const literal = new RegExp(`var ${contract}MetaData = bind\\.MetaData\\{\\s*ABI:\\s*("(?:[^"\\\\]|\\\\.)*")`).exec(bindings)?.[1]
  if (!literal) throw new Error(`contracts/bindings/bindings.go holds no ABI of ${contract}`)
  return JSON.parse(JSON.parse(literal)) // a Go string of ASCII is a JSON string
}

let code = '// Made by build/abi.mjs out of contracts/bindings/bindings.go. Do not edit.\n'
for (const [contract, functions] of Object.entries(used)) {
  const abi = abiOf(contract)
  for (const name of functions) {
    if (!abi.some((e) => e.type === 'function' && e.name === name)) throw new Error(`${contract} has no function ${name} any more`)
  }
  const kept = abi.filter((e) => e.type === 'error' || (e.type === 'function' && functions.includes(e.name)))
  const name = contract === 'Staking' ? 'stakingABI' : 'tokenABI'
  code += `\nexport const ${name} = ${JSON.stringify(kept, null, 2)} as const\n`
}
writeFileSync(new URL('../src/stake/abi.ts', import.meta.url), code)
