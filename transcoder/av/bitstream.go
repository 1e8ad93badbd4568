package av

import "bytes"

// longStartCodes returns an Annex B access unit with 4-byte start codes throughout, as media.Unit asks. x264 writes
// them before the first NAL unit and parameter sets only. au itself is returned where nothing is to change.
func longStartCodes(au []byte) []byte {
	short := []byte{0, 0, 1}
	var out []byte
	done := 0 // bytes of au that are in out
	for at := 0; ; {
		i := bytes.Index(au[at:], short)
		if i < 0 {
			break
		}
		i += at
		at = i + len(short)
		if i > 0 && au[i-1] == 0 {
			continue
		}
		if out == nil {
			out = make([]byte, 0, len(au)+8)
		}
		out = append(append(out, au[done:i]...), 0)
		done = i
	}
	if out == nil {
		return au
	}
	return append(out, au[done:]...)
}

// withoutDelimiter returns an AV1 temporal unit without its temporal delimiter, which neither MP4 nor RTP carries
// (AV1 specification, 5.3.2: type 2, with a size field of zero).
func withoutDelimiter(unit []byte) []byte {
	return bytes.TrimPrefix(unit, []byte{2<<3 | 1<<1, 0})
}
