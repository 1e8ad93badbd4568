package media

import (
	"bytes"
	"iter"
)

var startCode = []byte{0, 0, 1} //nolint:gochecknoglobals // a constant

// NALUs iterates over the NAL units of an Annex B byte stream (ITU-T H.264 and H.265, Annex B) without copying.
// Start codes of three and of four bytes are taken, trailing zero bytes dropped, bytes before the first start code
// and empty units skipped.
func NALUs(annexB []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		at := bytes.Index(annexB, startCode)
		for at >= 0 {
			annexB = annexB[at+len(startCode):]
			nalu := annexB
			if at = bytes.Index(annexB, startCode); at >= 0 {
				nalu = annexB[:at]
			}
			nalu = bytes.TrimRight(nalu, "\x00")
			if len(nalu) > 0 && !yield(nalu) {
				return
			}
		}
	}
}
