package selection_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"castnet/broadcaster/selection"
)

func candidate(n, stake uint64) selection.Candidate {
	c := selection.Candidate{Stake: *uint256.NewInt(stake)}
	binary.BigEndian.PutUint64(c.ID[:], n)
	return c
}

func newSet(tb testing.TB, stakes ...uint64) *selection.Set {
	tb.Helper()
	var cs []selection.Candidate
	for i, stake := range stakes {
		cs = append(cs, candidate(uint64(i+1), stake))
	}
	s, err := selection.NewSet(cs, 0)
	require.NoError(tb, err)
	return s
}

func seed(n uint64) common.Hash {
	return selection.Seed(common.Hash{1}, common.Address{2}, n)
}

// TestSeedIsPublic pins the seed and the draw to bytes that anyone can compute with a keccak and a calculator.
func TestSeedIsPublic(t *testing.T) {
	beacon, broadcaster := common.HexToHash("0x0102"), common.HexToAddress("0x0304")
	packed := slices.Concat(beacon[:], broadcaster[:], []byte{0, 0, 0, 0, 0, 0, 0, 5})
	s := selection.Seed(beacon, broadcaster, 5)
	require.Equal(t, crypto.Keccak256Hash(packed), s)

	point := new(uint256.Int).SetBytes(crypto.Keccak256(s[:], make([]byte, 8)))
	want := point.Mod(point, uint256.NewInt(100)).Uint64() // 0..49 is the first, 50..79 the second, 80..99 the third
	got := newSet(t, 50, 30, 20).Draw(nil, s, 1)[0].ID[7]
	switch {
	case want < 50:
		require.EqualValues(t, 1, got)
	case want < 80:
		require.EqualValues(t, 2, got)
	default:
		require.EqualValues(t, 3, got)
	}
}

// TestDrawEqualsNaiveTwin compares with the same rule written as plain loops over big lists.
func TestDrawEqualsNaiveTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		cs := make([]selection.Candidate, rng.IntN(40))
		for i := range cs {
			cs[i] = candidate(rng.Uint64(), rng.Uint64N(5)*rng.Uint64N(1000))
		}
		s, err := selection.NewSet(cs, 0)
		require.NoError(t, err)
		for range rng.IntN(4) {
			if len(cs) > 0 {
				c := &cs[rng.IntN(len(cs))]
				c.Stake = *uint256.NewInt(rng.Uint64N(1000))
				require.NoError(t, s.SetStake(c.ID, c.Stake))
			}
		}
		k := rng.IntN(12)
		require.Equal(t, naiveDraw(cs, seed(uint64(round)), k), s.Draw(nil, seed(uint64(round)), k))
	}
}

func naiveDraw(cs []selection.Candidate, seed common.Hash, k int) []selection.Candidate {
	left := slices.Clone(cs)
	slices.SortFunc(left, func(a, b selection.Candidate) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	var out []selection.Candidate
	for i := range k {
		var total uint256.Int
		for _, c := range left {
			total.Add(&total, &c.Stake)
		}
		if total.IsZero() {
			break
		}
		point := new(uint256.Int).SetBytes(crypto.Keccak256(seed[:], binary.BigEndian.AppendUint64(nil, uint64(i))))
		point.Mod(point, &total)
		for j, c := range left {
			if point.Lt(&c.Stake) {
				out = append(out, c)
				left = slices.Delete(left, j, j+1)
				break
			}
			point.Sub(point, &c.Stake)
		}
	}
	return out
}

// TestDrawIsProportionalToStake is a χ² test of the first place over all seeds 0…n, and of splitting: one holder of
// 50 and five holders of 10 are drawn first equally often.
func TestDrawIsProportionalToStake(t *testing.T) {
	stakes := []uint64{50, 30, 20, 10, 10, 10, 10, 10, 1, 0}
	s := newSet(t, stakes...)
	const draws = 200_000
	counts := make([]float64, len(stakes))
	buf := make([]selection.Candidate, 0, 1)
	for i := range uint64(draws) {
		counts[s.Draw(buf, seed(i), 1)[0].ID[7]-1]++
	}
	require.Zero(t, counts[9], "no stake, no chance")
	var chi2 float64
	for i, stake := range stakes[:9] {
		want := draws * float64(stake) / 151
		chi2 += (counts[i] - want) * (counts[i] - want) / want
	}
	require.Less(t, chi2, 26.12, "χ² with 8 degrees of freedom, p = 0.001")
	whole, split := counts[0], counts[3]+counts[4]+counts[5]+counts[6]+counts[7]
	require.InDelta(t, 1, whole/split, 4*math.Sqrt(2/whole))
}

// TestSecondPlaceIsProportionalAmongTheRest checks drawing without replacement: given who is first, the second is in
// proportion among the others.
func TestSecondPlaceIsProportionalAmongTheRest(t *testing.T) {
	s := newSet(t, 50, 30, 20)
	const draws = 100_000
	var first [4]float64
	var pair [4][4]float64
	for i := range uint64(draws) {
		d := s.Draw(nil, seed(i), 3)
		require.Len(t, d, 3)
		a, b := d[0].ID[7], d[1].ID[7]
		first[a]++
		pair[a][b]++
	}
	for _, c := range []struct {
		a, b int
		want float64
	}{{1, 2, 0.6}, {1, 3, 0.4}, {2, 1, 5. / 7}, {2, 3, 2. / 7}, {3, 1, 5. / 8}, {3, 2, 3. / 8}} {
		require.InDelta(t, c.want, pair[c.a][c.b]/first[c.a], 0.015, "after %d, %d", c.a, c.b)
	}
}

func TestDrawEdges(t *testing.T) {
	require.Empty(t, newSet(t).Draw(nil, seed(0), 8), "nobody there")
	require.Empty(t, newSet(t, 0, 0).Draw(nil, seed(0), 8), "nobody has stake")
	require.Len(t, newSet(t, 5, 0, 7).Draw(nil, seed(0), 8), 2, "everybody who has stake")
	many := newSet(t, make([]uint64, 1000)...)
	for i := range uint64(1000) {
		require.NoError(t, many.SetStake(candidate(i+1, 0).ID, *uint256.NewInt(1)))
	}
	require.Len(t, many.Draw(nil, seed(0), 1000), selection.MaxDraw)

	dust := newSet(t, 1, math.MaxUint64, 1) // who has nearly everything does not stop the others from being drawn
	require.Len(t, dust.Draw(nil, seed(0), 3), 3)
}

func TestNewSetRefusals(t *testing.T) {
	huge := candidate(1, 1)
	huge.Stake.SetAllOne()
	for name, c := range map[string]struct {
		in   []selection.Candidate
		want error
	}{
		"twice":    {[]selection.Candidate{candidate(1, 1), candidate(2, 2), candidate(1, 3)}, selection.ErrDuplicate},
		"overflow": {[]selection.Candidate{huge, candidate(2, 1)}, selection.ErrTotal},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := selection.NewSet(c.in, 0)
			require.ErrorIs(t, err, c.want)
		})
	}
	s := newSet(t, 1, 2)
	require.ErrorIs(t, s.SetStake(common.Address{9}, huge.Stake), selection.ErrUnknown)
	require.ErrorIs(t, s.SetStake(candidate(1, 0).ID, huge.Stake), selection.ErrTotal)
	total := s.Total()
	require.EqualValues(t, 3, total.Uint64(), "a refused change changes nothing")
}

func TestOnlyThoseThatFitAreDrawn(t *testing.T) {
	a, b, c := candidate(1, 10), candidate(2, 10), candidate(3, 10)
	a.Capabilities, b.Capabilities, c.Capabilities = 0b01, 0b11, 0b10
	s, err := selection.NewSet([]selection.Candidate{a, b, c}, 0b01)
	require.NoError(t, err)
	require.Equal(t, 2, s.Len())
	require.InDelta(t, 0.5, s.Share(a.ID), 1e-9)
	require.Zero(t, s.Share(c.ID))
	for i := range uint64(50) {
		for _, d := range s.Draw(nil, seed(i), 8) {
			require.NotEqual(t, c.ID, d.ID)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	for _, n := range []uint64{10, 1000, 100_000} {
		s := benchSet(b, n)
		b.Run(fmt.Sprintf("candidates=%d", n), func(b *testing.B) {
			buf := make([]selection.Candidate, 0, selection.K)
			public := seed(0)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				binary.BigEndian.PutUint64(public[:], uint64(i))
				buf = s.Draw(buf[:0], public, selection.K)
			}
		})
	}
}

func BenchmarkSetStake(b *testing.B) {
	const n = 100_000
	s := benchSet(b, n)
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		c := candidate(i%n+1, i)
		if err := s.SetStake(c.ID, c.Stake); err != nil {
			b.Fatal(err)
		}
	}
}

func benchSet(b *testing.B, n uint64) *selection.Set {
	b.Helper()
	cs := make([]selection.Candidate, n)
	for i := range cs {
		cs[i] = candidate(uint64(i+1), uint64(i)*1_000_003)
	}
	s, err := selection.NewSet(cs, 0)
	require.NoError(b, err)
	return s
}
