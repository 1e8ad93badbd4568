package av

import (
	"bytes"
	"encoding/binary"
	"slices"

	"castnet/internal/media"
)

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

// nalUnits counts what an access unit consists of, where its codec has such.
func nalUnits(c media.Codec, au []byte) int {
	if c != media.H264 && c != media.HEVC {
		return 0
	}
	return bytes.Count(au, []byte{0, 0, 1})
}

// withoutDelimiter returns an AV1 temporal unit without its temporal delimiter, which neither MP4 nor RTP carries
// (AV1 specification, 5.3.2: type 2, with a size field of zero).
func withoutDelimiter(unit []byte) []byte {
	return bytes.TrimPrefix(unit, []byte{2<<3 | 1<<1, 0})
}

// withCaptions puts closed captions, at most maxCaptions, into an AV1 temporal unit: a metadata OBU (AV1 specification, 5.8.2)
// of ITU-T T.35 with the code points of ATSC A/53, between the sequence header and the frame. libav's wrapper of libaom writes
// none.
func withCaptions(unit, captions []byte) []byte {
	const sequenceHeader, metadata, sized, t35 = 1 << 3, 5 << 3, 1 << 1, 4
	if len(captions) == 0 {
		return unit
	}
	at := 0
	if unit[0] == sequenceHeader|sized {
		size, n := binary.Uvarint(unit[1:])
		at = 1 + n + int(size)
	}
	said := slices.Concat([]byte{t35, 0xb5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x40 | byte(len(captions)/3), 0xff}, captions, []byte{0xff, 0x80})
	return slices.Concat(unit[:at], []byte{metadata | sized, byte(len(said))}, said, unit[at:])
}
