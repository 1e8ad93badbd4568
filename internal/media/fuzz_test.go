package media_test

import (
	"bytes"
	"testing"

	"castnet/internal/media"
)

// FuzzNALUs splits any bytes: the units are pieces of them, in order, that have no start code inside and no zero at
// their end.
func FuzzNALUs(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 0, 3})
	f.Add([]byte{0, 0, 1, 0, 0, 1})
	f.Fuzz(func(t *testing.T, stream []byte) {
		rest := stream
		for nalu := range media.NALUs(stream) {
			at := bytes.Index(rest, nalu)
			switch {
			case len(nalu) == 0 || nalu[len(nalu)-1] == 0 || bytes.Contains(nalu, []byte{0, 0, 1}):
				t.Fatalf("% x is a unit of % x", nalu, stream)
			case at < 3 || !bytes.Equal(rest[at-3:at], []byte{0, 0, 1}):
				t.Fatalf("% x does not follow a start code in % x", nalu, rest)
			}
			rest = rest[at+len(nalu):]
		}
		if i := bytes.Index(rest, []byte{0, 0, 1}); i >= 0 && len(bytes.Trim(rest[i:], "\x00\x01")) > 0 {
			t.Fatalf("% x is left of % x", rest, stream)
		}
	})
}
