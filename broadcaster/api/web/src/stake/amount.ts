// Amounts as people type them. Everything here is pure.

const decimals = 18

/** An amount of a token in its smallest unit, or what is wrong with the text. */
export function parseAmount(text: string): bigint | string {
  const plain = text.replace(/[\s\u202f\u00a0_]/g, '')
  if (plain === '') return 'Type an amount, for example 12.5.'
  if (/^\d+,\d+$/.test(plain)) return 'Write the decimal point as a point: 12.5.'
  const parts = /^(\d*)(?:\.(\d*))?$/.exec(plain)
  if (!parts || !/\d/.test(plain)) return `"${text.trim()}" is no amount. Type digits, for example 12.5.`
  const [, whole = '', fraction = ''] = parts
  if (fraction.length > decimals) return `At most ${decimals} digits can follow the point.`
  const amount = BigInt(whole || '0') * 10n ** BigInt(decimals) + BigInt(fraction.padEnd(decimals, '0'))
  return amount > 0n ? amount : 'The amount must be more than 0.'
}

/** The whole amount as a text that parseAmount reads back exactly: "12.5". */
export function exactAmount(wei: bigint): string {
  const digits = wei.toString().padStart(decimals + 1, '0')
  const fraction = digits.slice(-decimals).replace(/0+$/, '')
  return digits.slice(0, -decimals) + (fraction && `.${fraction}`)
}

/** Part of an amount, by a rate between 0 and 1 that needs no exactness. */
export function part(wei: bigint, rate: number): bigint {
  return (wei * BigInt(Math.round(rate * 1e9))) / 1_000_000_000n
}
