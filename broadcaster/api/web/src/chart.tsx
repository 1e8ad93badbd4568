// Small charts: bars over rounds, with their unit and the ends of both axes written at them.

interface Props {
  label: string
  unit: string
  values: number[]
  /** What stands at the left and the right end, and at each bar on hover. */
  names: string[]
  show: (value: number) => string
  tone?: 'money' | 'bad'
}

export function Bars({ label, unit, values, names, show, tone }: Props) {
  const most = Math.max(...values, 0)
  const last = values.at(-1) ?? 0
  return (
    <figure class={`bars ${tone ?? ''}`}>
      <figcaption>
        {label} <span class="unit-inline">{unit}</span>
      </figcaption>
      <div class="bars-plot" role="img" aria-label={`${label}, ${unit}: ${show(last)} in the last round, at most ${show(most)}`}>
        <span class="bars-most">{show(most)}</span>
        <div class="bars-bars">
          {values.map((v, i) => (
            <span key={names[i]} class="bar-slot" title={`${names[i]}: ${show(v)} ${unit}`}>
              <span class="bar-fill" style={{ height: `${most > 0 ? (v / most) * 100 : 0}%` }} />
            </span>
          ))}
        </div>
        <span class="bars-zero">0</span>
      </div>
      <div class="bars-names" aria-hidden="true">
        <span>{names[0]}</span>
        <span>{names.at(-1)}</span>
      </div>
    </figure>
  )
}
