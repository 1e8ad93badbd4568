package rtc

import (
	"fmt"
	"slices"

	"github.com/pion/sdp/v3"
)

// maxSections is how many sections an offer may have, each of which costs a transceiver and its lines in the answer: browsers
// offer one for each track.
const maxSections = 16

// pruned is an offer without what costs more than it is good for: candidates beyond maxCandidates, and data channels. Of those the
// other end could open 65,535, and pion would keep 64 KiB and a goroutine for each; their section becomes one of port 0, which
// is off (RFC 3264, section 5.1).
func pruned(offer string) (string, error) {
	var d sdp.SessionDescription
	if err := d.UnmarshalString(offer); err != nil {
		return "", err
	}
	if n := len(d.MediaDescriptions); n > maxSections {
		return "", fmt.Errorf("it has %d sections (m=): at most %d are taken", n, maxSections)
	}
	taken := 0
	keep := func(list []sdp.Attribute) []sdp.Attribute {
		return slices.DeleteFunc(list, func(a sdp.Attribute) bool {
			if a.Key == "candidate" {
				taken++
			}
			return a.Key == "candidate" && taken > maxCandidates
		})
	}
	d.Attributes = keep(d.Attributes)
	for _, m := range d.MediaDescriptions {
		m.Attributes = keep(m.Attributes)
		if m.MediaName.Media == "application" {
			m.MediaName.Port.Value = 0
			m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool { return a.Key == "bundle-only" }) // with which 0 is on
		}
	}
	out, err := d.Marshal()
	return string(out), err
}
