// Package captions finds the closed captions in coded pictures and reads them as text: what is shown, where, and when.
//
// Captions travel as ATSC A/53 wants them, in SEI messages of H264 and HEVC and in metadata of AV1, in the order of coding; they
// are read in the order of display. Of CEA-608 all four channels are read, of CEA-708 the first service, as plain text.
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
	// maxPairs bounds what one picture carries: a message of 31 pairs for each of its fields (ATSC A/53 part 4, section 6.2.3).
	maxPairs = 2 * 31
	// maxCues bounds what is kept of a service until it is taken: words that roll up make 3 cues a second, so that a segment
	// has far fewer.
	maxCues = 64
)

// Service is one of the captions that pictures can carry.
type Service uint8

// The services that are read.
const (
	CC1      Service = iota // CEA-608, first field
	CC2                     // CEA-608, first field
	CC3                     // CEA-608, second field
	CC4                     // CEA-608, second field
	Service1                // CEA-708
	Count                   // of the services
)

// Services is a set of them.
type Services uint8

// Has reports whether a service is one of them.
func (all Services) Has(s Service) bool { return all&(1<<s) != 0 }

// Cue is what one place of the screen shows for a while: rows of text, from the top, each behind the last with a line break.
type Cue struct {
	Start, End int64 // PTS
	Text       string
	// Row and Column are where the first of the rows begins, and the first of the columns, on a screen of Rows and Columns. Row is
	// Nowhere where that is not told.
	Row, Column int
}

// Nowhere is the row of a Cue that has no place of its own.
const Nowhere = -1

// Reader reads one track of pictures. The zero Reader is ready. It trusts nobody: what makes no sense is left out.
type Reader struct {
	carried bool
	found   Services
	waiting []picture // in the order of display
	now     int64     // the PTS of the last picture read
	fields  [2]field
	digital packets
	lanes   [Count]lane
}

// picture is what one picture carries.
type picture struct {
	pts   int64
	pairs []pair
}

// pair is two bytes of captions.
type pair struct {
	kind  uint8 // 0 and 1: of the fields of CEA-608; 2: of a packet of CEA-708; 3: the first of one
	bytes [2]byte
}

// Found is the services that have been heard so far. Carried tells whether there was room for captions, be it empty: who sends
// that will have captions.
func (r *Reader) Found() (found Services, carried bool) { return r.found, r.carried }

// Add takes the next picture in the order of coding.
func (r *Reader) Add(codec media.Codec, u *media.Unit) {
	p := picture{pts: u.PTS}
	switch codec {
	case media.H264, media.HEVC:
		for nalu := range media.NALUs(u.Payload) {
			if len(p.pairs) < maxPairs && sei(codec, nalu[0]) {
				p.pairs = r.message(p.pairs, nalu, h264.EmulationPreventionRemove)
			}
		}
	case media.AV1:
		p.pairs = r.message(p.pairs, u.Payload, func(data []byte) []byte { return data })
	default:
		return
	}
	if !r.carried {
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

// message appends the pairs of a NAL unit, or of a temporal unit of AV1. Bare takes out what keeps start codes apart.
func (r *Reader) message(pairs []pair, unit []byte, bare func([]byte) []byte) []pair {
	_, data, ok := bytes.Cut(unit, []byte(atsc))
	if !ok {
		return pairs
	}
	if data = bare(data); len(data) < 2 {
		return pairs
	}
	const valid, kind, parity = 4, 3, 0x7f
	triplets := data[2:] // behind the count, and a reserved byte
	for n := int(data[0] & 0x1f); n > 0 && len(triplets) >= 3 && len(pairs) < maxPairs; n-- {
		t := triplets[:3]
		triplets = triplets[3:]
		if t[0]&valid == 0 {
			continue
		}
		r.carried = true
		p := pair{kind: t[0] & kind, bytes: [2]byte{t[1], t[2]}}
		if p.kind < 2 {
			p.bytes = [2]byte{t[1] & parity, t[2] & parity}
			if p.bytes == [2]byte{} { // it fills up
				continue
			}
		}
		pairs = append(pairs, p)
	}
	return pairs
}

// readFirst reads the next picture in the order of display.
func (r *Reader) readFirst() {
	p := r.waiting[0]
	r.waiting = r.waiting[1:]
	r.now = max(r.now, p.pts)
	var heard Services
	for _, pair := range p.pairs {
		switch pair.kind {
		case 0, 1:
			if channel, ok := r.fields[pair.kind].take(pair.bytes); ok {
				heard |= 1 << (Service(pair.kind)*2 + channel)
			}
		default:
			if r.digital.take(pair.kind == 3, pair.bytes) {
				heard |= 1 << Service1
			}
		}
	}
	r.found |= heard
	for s := range Count {
		if r.found.Has(s) {
			r.look(s, heard.Has(s))
		}
	}
}

// look notes what a service shows now. Heard tells whether the last picture had anything for it.
func (r *Reader) look(s Service, heard bool) {
	l := &r.lanes[s]
	switch {
	case heard:
		l.heard = r.now
	case len(l.shown) == 0 || r.now-l.heard <= forgotten:
		return // nothing has changed
	case s == Service1:
		r.digital.service = nil
	default:
		r.fields[s/2].screens[s%2] = screen{}
	}
	if s == Service1 {
		l.show(r.now, r.digital.service.blocks())
	} else {
		l.show(r.now, r.fields[s/2].screens[s%2].blocks())
	}
}

// Take returns what each service showed before a PTS, since the last call. No picture that is added later may belong there. What
// still shows is cut in two: the rest will come with a later call.
func (r *Reader) Take(before int64) (cues [Count][]Cue) {
	for len(r.waiting) > 0 && r.waiting[0].pts < before {
		r.readFirst()
	}
	for s := range r.lanes {
		l := &r.lanes[s]
		l.end(r.now)
		l.since = r.now
		cues[s], l.cues = l.cues, nil
	}
	return cues
}

// block is rows of text that stand together.
type block struct {
	row, column int
	text        string
}

// lane is what one service shows, over time.
type lane struct {
	heard int64 // the PTS of the last picture that had anything for it
	since int64 // when what is shown began to
	shown []block
	cues  []Cue
}

// show notes what is shown from now on.
func (l *lane) show(now int64, blocks []block) {
	switch {
	case slices.Equal(blocks, l.shown):
	case len(l.shown) > 0 && strings.HasPrefix(words(blocks), words(l.shown)) && now-l.since < quick:
		l.shown = blocks
	default:
		l.end(now)
		l.since, l.shown = now, blocks
	}
}

func words(blocks []block) string {
	var all []string
	for _, b := range blocks {
		all = append(all, b.text)
	}
	return strings.Join(all, "\n")
}

// end ends what is shown. Beyond what is kept, the last cue stands on.
func (l *lane) end(now int64) {
	if now <= l.since {
		return
	}
	for _, b := range l.shown {
		if n := len(l.cues); n == maxCues {
			l.cues[n-1].End = now
			return
		}
		l.cues = append(l.cues, Cue{Start: l.since, End: now, Text: b.text, Row: b.row, Column: b.column})
	}
}
