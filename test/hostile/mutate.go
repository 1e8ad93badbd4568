// Package hostile makes what a hostile or broken peer may send: recorded sessions, spoiled in every way that a seed
// decides.
package hostile

import (
	"math/rand/v2"
	"slices"
)

// spoilers change a message, each in its way. They return a new one.
func spoilers() []Spoiler {
	return []Spoiler{
		{"as it was", func(_ *rand.Rand, b []byte) []byte { return b }},
		{"truncated", func(r *rand.Rand, b []byte) []byte { return b[:r.IntN(len(b))] }},
		{"bits flipped", func(r *rand.Rand, b []byte) []byte {
			for range 1 + r.IntN(1+len(b)/64) {
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			}
			return b
		}},
		{"bits flipped at the beginning", func(r *rand.Rand, b []byte) []byte {
			for range 1 + r.IntN(4) {
				b[r.IntN(min(len(b), 4096))] ^= 1 << r.IntN(8)
			}
			return b
		}},
		{"bytes cut out and put in", func(r *rand.Rand, b []byte) []byte {
			for range 1 + r.IntN(4) {
				at := r.IntN(len(b))
				n := r.IntN(min(64, len(b)-at) + 1)
				b = slices.Concat(b[:at], Noise(r, 1+r.IntN(64)), b[at+n:])
			}
			return b
		}},
		{"a piece repeated", func(r *rand.Rand, b []byte) []byte {
			at := r.IntN(len(b))
			end := at + r.IntN(len(b)-at) + 1
			return slices.Concat(b[:end], b[at:end], b[end:])
		}},
		{"pieces in another order", func(r *rand.Rand, b []byte) []byte {
			at := r.IntN(len(b))
			return slices.Concat(b[at:], b[:at])
		}},
		{"large numbers", func(r *rand.Rand, b []byte) []byte {
			at := r.IntN(min(len(b), 4096))
			for i := at; i < min(len(b), at+1+r.IntN(8)); i++ {
				b[i] = 0xff
			}
			return b
		}},
		{"noise behind the beginning", func(r *rand.Rand, b []byte) []byte {
			return slices.Concat(b[:r.IntN(min(len(b), 8192))], Noise(r, r.IntN(8192)))
		}},
		{"noise", func(r *rand.Rand, _ []byte) []byte { return Noise(r, 1+r.IntN(4096)) }},
	}
}

// Spoiler changes a message.
type Spoiler struct {
	Name string
	// Spoil may change the bytes it gets.
	Spoil func(r *rand.Rand, message []byte) []byte
}

// Spoil makes one of the messages, which are not empty, into another, and names how.
func Spoil(r *rand.Rand, messages [][]byte) (how string, spoiled []byte) {
	all := spoilers()
	s := all[r.IntN(len(all))]
	return s.Name, s.Spoil(r, slices.Clone(messages[r.IntN(len(messages))]))
}

// Noise is n bytes that mean nothing.
func Noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
