// A table of figures: sortable, its order kept in the address, numbers on the right.
import type { ComponentChildren } from 'preact'

import { setQuery, useQuery } from './url'

export interface Column<Row> {
  id: string
  name: string
  unit?: string
  /** Words stand on the left, numbers on the right. */
  text?: true
  /** What the column is sorted by. */
  by: (row: Row) => bigint | number | string
  show: (row: Row) => ComponentChildren
}

interface Props<Row> {
  label: string
  columns: Column<Row>[]
  rows: Row[]
  /** The column that sorts where the address names none: the largest first. */
  sort: string
  keyOf: (row: Row) => string
  /** Names a row for tests. */
  testid: (row: Row) => string
  /** The key of the row whose details are open. */
  open?: string | null
}

export function Table<Row>({ label, columns, rows, sort, keyOf, testid, open }: Props<Row>) {
  const query = useQuery()
  const column = columns.find((c) => c.id === query.get('sort')) ?? columns.find((c) => c.id === sort)!
  const up = query.get('order') === 'up'
  const sorted = [...rows].sort((a, b) => {
    const x = column.by(a)
    const y = column.by(b)
    const order = x < y ? -1 : x > y ? 1 : 0
    return up ? order : -order
  })
  const sortBy = (c: Column<Row>) => {
    // A click on the column that sorts turns it round; numbers begin with the largest, names with A.
    const turned = c === column ? !up : c.text === true
    setQuery('sort', c.id)
    setQuery('order', turned ? 'up' : null)
  }
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label={label}>
      <table data-testid={label.toLowerCase()}>
        <thead>
          <tr>
            {columns.map((c) => (
              <th key={c.id} class={c.text ? '' : 'number'} aria-sort={c === column ? (up ? 'ascending' : 'descending') : 'none'}>
                <button type="button" onClick={() => sortBy(c)}>
                  {c.name}
                  <span class="unit">{c.unit ?? '\u00a0'}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)} data-testid={testid(row)} class={open === keyOf(row) ? 'is-open' : ''}>
              {columns.map((c) => (
                <td key={c.id} class={c.text ? '' : 'number'}>
                  {c.show(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
