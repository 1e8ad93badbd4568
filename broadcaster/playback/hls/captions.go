package hls

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"castnet/internal/media"
)

// captions are the closed captions that were found in pictures, a bit each. Players find them there; the multivariant playlist
// tells that they are worth looking for.
type captions uint8

const (
	cc1      captions = 1 << iota // CEA-608, first field
	cc3                           // CEA-608, second field
	service1                      // CEA-708
)

// write lists the services as members of the captions group.
func (c captions) write(b *strings.Builder) {
	for _, s := range []struct {
		bit      captions
		name, id string
	}{{cc1, "Captions", "CC1"}, {cc3, "Captions 2", "CC3"}, {service1, "Captions (708)", "SERVICE1"}} {
		if c&s.bit != 0 {
			fmt.Fprintf(b, "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=%q,NAME=%q,DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID=%q\n", captionsGroup, s.name, s.id)
		}
	}
}

// atsc begins the payload of an SEI message with captions: ATSC A/53 part 4, section 6.2.3: the United States, ATSC, GA94, cc_data.
const atsc = "\xb5\x00\x31GA94\x03"

// captionsIn looks into one NAL unit.
func captionsIn(codec media.Codec, nalu []byte) (found captions) {
	sei := h264.NALUType(nalu[0]&0x1f) == h264.NALUTypeSEI
	if codec == media.HEVC {
		sei = h265.NALUType(nalu[0]>>1&0x3f) == h265.NALUType_PREFIX_SEI_NUT
	}
	if !sei {
		return 0
	}
	_, data, ok := bytes.Cut(nalu, []byte(atsc))
	if !ok || len(data) < 2 {
		return 0
	}
	const valid, kind = 4, 3
	triplets := data[2:] // behind the count, and a reserved byte
	for n := int(data[0] & 0x1f); n > 0 && len(triplets) >= 3; n-- {
		t := triplets[:3]
		triplets = triplets[3:]
		if t[0]&valid == 0 || t[1]&0x7f == 0 && t[2]&0x7f == 0 { // a null pair fills up
			continue
		}
		found |= [...]captions{cc1, cc3, service1, service1}[t[0]&kind]
	}
	return found
}
