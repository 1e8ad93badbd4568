//go:build !race

package selection_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"castnet/broadcaster/selection"
)

// The race detector makes sync.Pool forget at random, so this one runs without it.
func TestDrawAllocatesNothing(t *testing.T) {
	s := newSet(t, slices.Repeat([]uint64{1, 2, 3, 4}, 250)...)
	buf := make([]selection.Candidate, 0, selection.K)
	public := seed(7)
	require.Zero(t, testing.AllocsPerRun(1000, func() { buf = s.Draw(buf[:0], public, selection.K) }))
}
