// Rates and moments as stakers read them. Everything here is pure.

/** A rate with its sign: "8.21 %", "−0.40 %". */
export function rate(r: number): string {
  return `${r < 0 ? '−' : ''}${(Math.abs(r) * 100).toFixed(2)} %`
}

/** A moment as people write it: "Fri 27 Nov, 14:02". */
export function when(at: number): string {
  const d = new Date(at)
  const far = Math.abs(at - Date.now()) > 300 * 86_400_000
  const day = d.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short', ...(far ? { year: 'numeric' } : {}) })
  return `${day.replace(/(\w+),/, '$1')}, ${d.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })}`
}

/** A day: "25 Nov". */
export function day(at: number): string {
  return new Date(at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
}

/** What is left on a clock: "6 d 4 h", "3 h 12 min", "4 min 10 s". */
export function countdown(seconds: number): string {
  const s = Math.max(0, Math.ceil(seconds))
  if (s >= 86_400) return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`
  if (s >= 3600) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
  return s >= 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s} s`
}
