package verify

import (
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/media"
	"castnet/internal/receipt"
)

// minCopyBytes is the size from which two equal coded pictures cannot be chance: smaller ones may be skipped pictures,
// which two encoders write alike.
const minCopyBytes = 256

// Sent gathers what one attempt at a segment is given, unit by unit.
type Sent struct {
	merkle   *receipt.Merkle
	pts      []int64
	payloads map[common.Hash]int64 // PTS of each payload that could be copied
	prefix   uint32
	bytes    uint64 // prefix units included
}

// NewSent begins an attempt.
func NewSent() *Sent {
	return &Sent{merkle: receipt.NewMerkle(receipt.SourceID()), payloads: make(map[common.Hash]int64)}
}

// Add counts a unit of the segment, in the order in which it is sent.
func (s *Sent) Add(u *media.Unit) {
	hash := s.merkle.Add(u)
	s.pts = append(s.pts, u.PTS)
	s.bytes += uint64(len(u.Payload))
	if len(u.Payload) >= minCopyBytes {
		s.payloads[hash] = u.PTS
	}
}

// AddPrefix counts a unit before the segment, which is only decoded.
func (s *Sent) AddPrefix(u *media.Unit) {
	s.prefix++
	s.bytes += uint64(len(u.Payload))
}

// Frames is the number of units of the segment; Bytes is what was sent in all.
func (s *Sent) Frames() int { return len(s.pts) }

// Source fills in what was counted: roots, frames and bytes. Lease, Seq, Attempt, ResumeAfter, Width and Height are
// taken over from of.
func (s *Sent) Source(of receipt.Source) receipt.Source {
	of.Root = s.merkle.Root()
	of.PTSRoot = receipt.PTSRoot(s.pts)
	of.Frames, of.PrefixFrames = s.merkle.Frames(), s.prefix
	of.Bytes = s.bytes
	return of
}

// Expected is the pictures that a rendition has to have: of the segment's pictures in PTS order every divisor-th from
// the first, and of those the ones after a PTS where one is given.
func Expected(pts []int64, divisor int, after *int64) []int64 {
	sorted := slices.Sorted(slices.Values(pts))
	expected := make([]int64, 0, len(sorted))
	for i := 0; i < len(sorted); i += max(1, divisor) {
		if after == nil || sorted[i] > *after {
			expected = append(expected, sorted[i])
		}
	}
	return expected
}
