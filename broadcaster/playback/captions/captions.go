// Package captions finds the closed captions in coded pictures, and reads those of CEA-608 as text: what is shown, and when.
//
// Captions travel in SEI messages of H264 and HEVC as ATSC A/53 wants them, in the order of coding; they are read in the order
// of display.
package captions

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"castnet/internal/media"
)

const (
	// quick is how long after a cue began more words still belong to it, in video ticks: they come two letters a picture.
	quick = media.VideoClockRate * 3 / 10
	// forgotten is after how long without captions the last ones go (CEA-608, section C.9): 16 s.
	forgotten = 16 * media.VideoClockRate
	// maxWaiting bounds the pictures that wait for their turn: more than any codec reorders.
	maxWaiting = 64
	// maxCues bounds what is kept until it is taken: words that roll up make 3 cues a second, so that a segment has far fewer.
	maxCues = 64
)

// Services are those that were found, a bit each.
type Services uint8

// The services that are told apart.
const (
	CC1      Services = 1 << iota // CEA-608, first field
	CC3                           // CEA-608, second field
	Service1                      // CEA-708
)

// Cue is what is shown for a while: rows of text, from the top, each behind the last with a line break.
type Cue struct {
	Start, End int64 // PTS
	Text       string
}

// Reader reads one track of pictures. The zero Reader is ready. It trusts nobody: what makes no sense is left out.
type Reader struct {
	found   Services
	waiting []picture // in the order of display
	now     int64     // the PTS of the last picture read
	heard   int64     // of the last with captions
	screen  screen
	shown   Cue // without its end; no text where nothing is shown
	cues    []Cue
}

// picture is what one picture carries of CC1.
type picture struct {
	pts   int64
	pairs [][2]byte
}

// Found is what the pictures carried so far.
func (r *Reader) Found() Services { return r.found }

// Add takes the next picture in the order of coding.
func (r *Reader) Add(codec media.Codec, u *media.Unit) {
	if codec != media.H264 && codec != media.HEVC {
		return
	}
	p := picture{pts: u.PTS}
	for nalu := range media.NALUs(u.Payload) {
		if sei(codec, nalu[0]) {
			p.pairs = r.message(p.pairs, nalu)
		}
	}
	if r.found&CC1 == 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(r.waiting, p.pts, func(w picture, pts int64) int { return cmp.Compare(w.pts, pts) })
	r.waiting = slices.Insert(r.waiting, at, p)
	for len(r.waiting) > 0 && (r.waiting[0].pts <= u.DTS || len(r.waiting) > maxWaiting) { // no earlier one can follow
		r.readFirst()
	}
}

func sei(codec media.Codec, header byte) bool {
	if codec == media.HEVC {
		return h265.NALUType(header>>1&0x3f) == h265.NALUType_PREFIX_SEI_NUT
	}
	return h264.NALUType(header&0x1f) == h264.NALUTypeSEI
}

// atsc begins the payload of an SEI message with captions: ATSC A/53 part 4, section 6.2.3: the United States, ATSC, GA94, cc_data.
const atsc = "\xb5\x00\x31GA94\x03"

// message appends a NAL unit's pairs of CC1, and notes what else it carries.
func (r *Reader) message(pairs [][2]byte, nalu []byte) [][2]byte {
	_, data, ok := bytes.Cut(nalu, []byte(atsc))
	if !ok {
		return pairs
	}
	data = h264.EmulationPreventionRemove(data)
	if len(data) < 2 {
		return pairs
	}
	const valid, kind, parity = 4, 3, 0x7f
	triplets := data[2:] // behind the count, and a reserved byte
	for n := int(data[0] & 0x1f); n > 0 && len(triplets) >= 3; n-- {
		t := triplets[:3]
		triplets = triplets[3:]
		pair := [2]byte{t[1] & parity, t[2] & parity}
		if t[0]&valid == 0 || pair == [2]byte{} { // a null pair fills up
			continue
		}
		service := [...]Services{CC1, CC3, Service1, Service1}[t[0]&kind]
		r.found |= service
		if service == CC1 {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

// readFirst reads the next picture in the order of display.
func (r *Reader) readFirst() {
	p := r.waiting[0]
	r.waiting = r.waiting[1:]
	r.now = max(r.now, p.pts)
	if len(p.pairs) > 0 {
		r.heard = p.pts
	} else if p.pts-r.heard > forgotten {
		r.screen = screen{}
	}
	for _, pair := range p.pairs {
		r.screen.take(pair)
	}
	switch text := r.screen.text(); {
	case text == r.shown.Text:
	case r.shown.Text != "" && strings.HasPrefix(text, r.shown.Text) && r.now-r.shown.Start < quick:
		r.shown.Text = text
	default:
		r.end()
		r.shown = Cue{Start: r.now, Text: text}
	}
}

// end ends what is shown. Beyond what is kept, the last cue stands on.
func (r *Reader) end() {
	if r.shown.Text == "" || r.now <= r.shown.Start {
		return
	}
	if n := len(r.cues); n == maxCues {
		r.cues[n-1].End = r.now
		return
	}
	r.shown.End = r.now
	r.cues = append(r.cues, r.shown)
}

// Take returns what was shown before a PTS, since the last call. No picture that is added later may belong there. What still
// shows is cut in two: the rest will come with a later call.
func (r *Reader) Take(before int64) []Cue {
	for len(r.waiting) > 0 && r.waiting[0].pts < before {
		r.readFirst()
	}
	r.end()
	r.shown.Start = r.now
	cues := r.cues
	r.cues = nil
	return cues
}
