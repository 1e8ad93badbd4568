package media_test

import (
	"bytes"
	"slices"
	"testing"

	"castnet/internal/media"
)

// FuzzNALUs splits any bytes: each unit follows a start code, has none inside and no zero at its end, and between the
// units there are start codes and zeros only.
func FuzzNALUs(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 0, 3})
	f.Add([]byte{0, 0, 1, 0, 0, 1})
	f.Fuzz(func(t *testing.T, stream []byte) {
		stream = slices.Clip(stream)
		end := max(bytes.Index(stream, []byte{0, 0, 1}), 0) // of what was seen so far
		for nalu := range media.NALUs(stream) {
			at := cap(stream) - cap(nalu) // the units are pieces of the stream
			between := stream[end:at]
			switch {
			case len(nalu) == 0 || nalu[len(nalu)-1] == 0 || bytes.Contains(nalu, []byte{0, 0, 1}):
				t.Fatalf("% x is a unit of % x", nalu, stream)
			case !bytes.HasSuffix(between, []byte{0, 0, 1}) || len(bytes.Trim(between, "\x00\x01")) > 0:
				t.Fatalf("% x lies before a unit of % x", between, stream)
			}
			end = at + len(nalu)
		}
	})
}
