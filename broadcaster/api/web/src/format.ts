// Numbers and times as people read them. Everything here is pure.

const unitsOfCoin = [
  { exponent: 18, name: '' }, // the coin itself
  { exponent: 9, name: 'gwei' },
  { exponent: 0, name: 'wei' },
] as const

/**
 * An amount of wei with four significant digits: "1.235 ETH", "42.00 gwei". Amounts below a ten-thousandth of the coin
 * are written in gwei, and below a ten-thousandth of that in wei. Only the coin of fees has gwei; a token has none.
 */
export function money(wei: string, coin: string): string {
  if (wei === '') return 'unknown'
  const amount = BigInt(wei)
  if (amount === 0n) return `0 ${coin}`
  for (const unit of unitsOfCoin) {
    const least = unit.exponent >= 4 ? 10n ** BigInt(unit.exponent - 4) : 1n
    if (amount < least) continue
    return `${significant(amount, unit.exponent)} ${unit.name || coin}`
  }
  return `${amount} wei`
}

/** A whole number of units of 10^-exponent, written with four significant digits and thousands apart. */
export function significant(amount: bigint, exponent: number): string {
  const digits = amount.toString().length
  // Round half up at the fourth digit, but never keep digits beyond the point that the amount does not have.
  const drop = Math.max(0, digits - 4)
  let kept = amount
  if (drop > 0) {
    const scale = 10n ** BigInt(drop)
    kept = ((amount + scale / 2n) / scale) * scale
  }
  const text = kept.toString().padStart(exponent + 1, '0')
  const whole = text.slice(0, text.length - exponent)
  const keptDigits = whole === '0' ? 4 + (exponent - (kept.toString().length)) : Math.max(0, 4 - whole.length)
  const fraction = exponent > 0 ? text.slice(text.length - exponent).slice(0, keptDigits) : ''
  return grouped(whole) + (fraction ? `.${fraction}` : '')
}

function grouped(whole: string): string {
  return whole.replace(/\B(?=(\d{3})+$)/g, '\u202f')
}

/** A count with thousands apart by thin spaces. */
export function count(n: number): string {
  return grouped(Math.round(n).toString())
}

/** A part of one as a percentage: "99.8 %", "100 %". Only exactly everything is 100 %. */
export function percent(part: number): string {
  if (part === 1) return '100 %'
  return `${Math.min(99.9, part * 100).toFixed(1)} %`
}

/** Bits a second: "2.5 Mb/s", "640 kb/s". */
export function bitrate(bits: number): string {
  if (bits <= 0) return 'unknown'
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mb/s` : `${Math.round(bits / 1e3)} kb/s`
}

/** A rate of pictures: "30 fps", "29.97 fps". */
export function fps(rate: number): string {
  if (rate <= 0) return 'unknown'
  const near = Math.round(rate)
  return Math.abs(rate - near) < 0.02 ? `${near} fps` : `${rate.toFixed(2)} fps`
}

/** A short time: "180 ms", "2.0 s". */
export function shortTime(seconds: number): string {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`
}

/** How long something lasts: "42 s", "3 min 20 s", "2 h 5 min", "4 days". */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return s % 60 && s < 600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 60)} min`
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
  const days = Math.floor(s / 86_400)
  return days === 1 ? '1 day' : `${days} days`
}

/** How long ago something was, by the given clock in milliseconds: "just now", "12 s ago". */
export function ago(at: string, now: number): string {
  const seconds = (now - Date.parse(at)) / 1000
  return seconds < 1.5 ? 'just now' : `${duration(seconds)} ago`
}

/** An address or hash, short enough to read and long enough to tell apart: "0x12ab…89ef". */
export function short(hash: string): string {
  return hash.length > 12 ? `${hash.slice(0, 6)}…${hash.slice(-4)}` : hash
}

/** A number with its noun: "1 stream", "3 streams". */
export function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`
}
