package selection_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"castnet/broadcaster/selection"
)

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// proven is the record of somebody who did n good and m bad segments until now, the bad ones first.
func proven(good, bad int, delay time.Duration) selection.Record {
	var r selection.Record
	for range bad {
		r = r.Failed(now)
	}
	for range good {
		r = r.Succeeded(now, delay)
	}
	return r
}

func bid(n byte, r selection.Record, price float64) selection.Bid {
	return selection.Bid{ID: common.Address{n}, Record: r, Price: price}
}

// firsts counts who is ranked first over many random seeds.
func firsts(bids []selection.Bid, at time.Time, runs int) []float64 {
	rng := rand.New(rand.NewPCG(3, 4))
	counts := make([]float64, len(bids))
	for range runs {
		var random [32]byte
		for i := range random {
			random[i] = byte(rng.Uint32())
		}
		counts[selection.Rank(bids, at, random)[0].Index] += 1 / float64(runs)
	}
	return counts
}

func TestRankPrefersTheBetter(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		better, worse selection.Bid
		least         float64
	}{
		"equal":            {bid(1, proven(100, 0, 50*ms), 1), bid(2, proven(100, 0, 50*ms), 1), 0.47},
		"faster":           {bid(1, proven(100, 0, 50*ms), 1), bid(2, proven(100, 0, 200*ms), 1), 0.9},
		"cheaper":          {bid(1, proven(100, 0, 50*ms), 1), bid(2, proven(100, 0, 50*ms), 2), 0.9},
		"free":             {bid(1, proven(100, 0, 50*ms), 0), bid(2, proven(100, 0, 50*ms), 2), 0.9},
		"more reliable":    {bid(1, proven(100, 0, 50*ms), 1), bid(2, proven(80, 20, 50*ms), 1), 0.9},
		"newcomer gets in": {bid(1, selection.Record{}, 1), bid(2, proven(100, 2, 50*ms), 1), 0.35},
		"known to fail":    {bid(1, selection.Record{}, 1), bid(2, proven(20, 10, 50*ms), 1), 0.9},
		"has room": {
			selection.Bid{ID: common.Address{1}, Price: 1, Headroom: 9},
			selection.Bid{ID: common.Address{2}, Price: 1, Headroom: 0.5},
			0.8,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := firsts([]selection.Bid{c.better, c.worse}, now.Add(time.Second), 4000)
			require.GreaterOrEqual(t, got[0], c.least)
			if name != "equal" {
				require.Positive(t, got[1], "softmax leaves everybody a chance")
			}
		})
	}
}

func TestQuarantineComesLastAndEnds(t *testing.T) {
	bad := proven(50, 0, 20*time.Millisecond).Failed(now)
	bids := []selection.Bid{bid(1, bad, 1), bid(2, selection.Record{}, 5)}

	require.Zero(t, firsts(bids, now.Add(9*time.Second), 500)[0])
	require.Positive(t, firsts(bids, now.Add(11*time.Second), 500)[0])

	ranked := selection.Rank(bids, now.Add(4*time.Second), [32]byte{})
	require.Equal(t, common.Address{2}, ranked[0].ID)
	require.True(t, ranked[1].Quarantined)
	require.Equal(t, "failed once, left alone for another 6 s", ranked[1].Reason)

	alone := selection.Rank(bids[:1], now, [32]byte{})
	require.Len(t, alone, 1, "when nobody else is there, even those in quarantine are tried")
}

func TestQuarantineDoublesAndIsForgotten(t *testing.T) {
	var r selection.Record
	want := 10 * time.Second
	for range 100 {
		r = r.Failed(now)
		require.Equal(t, min(want, 10*time.Minute), r.Quarantine(now))
		if want < 10*time.Minute {
			want *= 2
		}
	}
	require.Zero(t, r.Quarantine(now.Add(10*time.Minute)))
	require.Zero(t, r.Succeeded(now, 0).Quarantine(now), "a success ends it")

	later := now.Add(24 * time.Hour)
	require.Less(t, r.Success(now), 0.3)
	require.True(t, r.Newcomer(later), "after a day nothing is known any more")
	require.InDelta(t, 0.98, r.Success(later), 0.001)
}

func TestRankIsDeterministicAndComplete(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		bids := make([]selection.Bid, rng.IntN(9))
		for i := range bids {
			bids[i] = bid(byte(i), proven(rng.IntN(50), rng.IntN(5), time.Duration(rng.IntN(300))*time.Millisecond), rng.Float64())
			bids[i].Headroom = rng.Float64() * 6
		}
		random := [32]byte{byte(rng.Uint32())}
		a, b := selection.Rank(bids, now, random), selection.Rank(bids, now, random)
		require.Equal(t, a, b)
		seen := map[int]bool{}
		for i, r := range a {
			require.NotEmpty(t, r.Reason)
			require.Equal(t, bids[r.Index].ID, r.ID)
			require.False(t, seen[r.Index])
			seen[r.Index] = true
			if i > 0 {
				require.False(t, a[i-1].Quarantined && !r.Quarantined)
			}
		}
		require.Len(t, seen, len(bids))
	}
}

func TestReasons(t *testing.T) {
	const ms = time.Millisecond
	later := now.Add(time.Hour) // clear of every quarantine, counts a sixteenth
	good := func(delay time.Duration) selection.Record { return proven(400, 0, delay) }
	for name, c := range map[string]struct {
		bids []selection.Bid
		want []string
	}{
		"alone":      {[]selection.Bid{bid(1, good(50*ms), 1)}, []string{"the only one drawn"}},
		"all new":    {[]selection.Bid{bid(1, selection.Record{}, 1), bid(2, selection.Record{}, 1)}, []string{"drawn by its stake, nobody is known yet", "drawn by its stake, nobody is known yet"}},
		"one new":    {[]selection.Bid{bid(1, good(50*ms), 1), bid(2, selection.Record{}, 1)}, []string{"drawn by its stake", "newcomer, being tried"}},
		"delay":      {[]selection.Bid{bid(1, good(50*ms), 1), bid(2, good(90*ms), 1), bid(3, good(80*ms), 1)}, []string{"lowest delay of the 3 drawn", "drawn by its stake", "drawn by its stake"}},
		"a tie":      {[]selection.Bid{bid(1, good(50*ms), 1), bid(2, good(51*ms), 1)}, []string{"drawn by its stake", "drawn by its stake"}},
		"price":      {[]selection.Bid{bid(1, good(50*ms), 1), bid(2, good(50*ms), 2)}, []string{"lowest price of the 2 drawn", "drawn by its stake"}},
		"reliable":   {[]selection.Bid{bid(1, good(50*ms), 1), bid(2, proven(300, 60, 50*ms), 1)}, []string{"most reliable of the 2 drawn", "drawn by its stake"}},
		"full house": {[]selection.Bid{{ID: common.Address{1}, Record: good(50 * ms), Headroom: 0.4}, bid(2, good(40*ms), 0)}, []string{"short of free capacity", "lowest delay of the 2 drawn"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := make([]string, len(c.bids))
			for _, r := range selection.Rank(c.bids, later, [32]byte{}) {
				got[r.Index] = r.Reason
			}
			require.Equal(t, c.want, got)
		})
	}
}
