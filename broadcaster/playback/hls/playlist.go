package hls

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"castnet/broadcaster/playback/captions"
)

const (
	// minTarget is the target duration that live variants start with. Segments are cut between 1.5 and 3 s; a source
	// with longer GOPs raises it.
	minTarget = 3 * time.Second
	// timeFormat is EXT-X-PROGRAM-DATE-TIME's.
	timeFormat = "2006-01-02T15:04:05.000Z07:00"
)

// report is where another variant stands, for a player that is about to switch to it.
type report struct {
	uri  string
	msn  uint64
	part int
}

// mediaPlaylist writes a variant's playlist (RFC 8216bis), or with skip a delta update, which leaves out what a player that
// knows the last one has already. The packager holds at least one part.
func mediaPlaylist(p *packager, tag string, reports []report, skip bool) string {
	var b strings.Builder
	listed := p.segments[p.late:]
	target := p.target()
	partTarget := ceilMillis(max(p.maxPart, p.partDuration))
	skipUntil := 6 * target // the least that the specification allows

	b.WriteString("#EXTM3U\n#EXT-X-VERSION:9\n")
	fmt.Fprintf(&b, "#EXT-X-TARGETDURATION:%d\n", int(target.Seconds()))
	if !p.ended {
		// Three parts is the least hold-back that the specification allows.
		fmt.Fprintf(&b, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=%d,PART-HOLD-BACK=%.3f\n",
			int(skipUntil.Seconds()), 3*partTarget.Seconds())
	}
	fmt.Fprintf(&b, "#EXT-X-PART-INF:PART-TARGET=%.3f\n#EXT-X-MEDIA-SEQUENCE:%d\n", partTarget.Seconds(), listed[0].msn)
	if p.evictedDis > 0 {
		fmt.Fprintf(&b, "#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", p.evictedDis)
	}
	if independent(listed) {
		b.WriteString("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}

	if at, ok := startOffset(listed, 3*partTarget); ok && !p.ended {
		fmt.Fprintf(&b, "#EXT-X-START:TIME-OFFSET=%.5f\n", at.Seconds())
	}
	partsFrom := len(listed) // parts are listed for the last three target durations
	for d := time.Duration(0); partsFrom > 0 && d < 3*target; {
		partsFrom--
		d += listed[partsFrom].duration
	}
	skipped := 0
	if skip && !p.ended {
		skipped = p.older(skipUntil)
	}
	if skipped > 0 {
		fmt.Fprintf(&b, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%d\n", skipped)
	}
	for i, s := range listed[skipped:] {
		i += skipped
		writeSegment(&b, tag, s, i == 0 || s.init != listed[i-1].init, i >= partsFrom)
		if p.whole(p.late + i) {
			fmt.Fprintf(&b, "#EXTINF:%.5f,\n%s\n", s.duration.Seconds(), fileName(tag, 's', s.msn))
		}
	}
	if p.ended {
		b.WriteString("#EXT-X-ENDLIST\n")
		return b.String()
	}
	fmt.Fprintf(&b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=%q\n", fileName(tag, 'p', p.nextPart))
	for _, r := range reports {
		fmt.Fprintf(&b, "#EXT-X-RENDITION-REPORT:URI=%q,LAST-MSN=%d,LAST-PART=%d\n", r.uri, r.msn, r.part)
	}
	return b.String()
}

// older is how many listed segments end further than so long before the end of the last whole one.
func (p *packager) older(until time.Duration) int {
	n := len(p.segments)
	for n > p.late && !p.whole(n-1) {
		n--
	}
	for d := time.Duration(0); n > p.late && d < until; n-- {
		d += p.segments[n-1].duration
	}
	return n - p.late
}

// writeSegment writes all of a segment but its end.
func writeSegment(b *strings.Builder, tag string, s *segment, newInit, parts bool) {
	if s.discontinuity {
		b.WriteString("#EXT-X-DISCONTINUITY\n")
	}
	if newInit {
		fmt.Fprintf(b, "#EXT-X-MAP:URI=%q\n", fileName(tag, 'i', uint64(s.init)))
	}
	if len(s.parts) > 0 {
		fmt.Fprintf(b, "#EXT-X-PROGRAM-DATE-TIME:%s\n", s.start.UTC().Format(timeFormat))
	}
	if parts {
		writeParts(b, tag, s)
	}
}

func writeParts(b *strings.Builder, tag string, s *segment) {
	for _, part := range s.parts {
		fmt.Fprintf(b, "#EXT-X-PART:DURATION=%.5f,URI=%q", part.duration.Seconds(), fileName(tag, 'p', part.number))
		if part.independent && !s.piece {
			b.WriteString(",INDEPENDENT=YES")
		}
		b.WriteByte('\n')
	}
}

// startOffset is where a player should begin whose live position would be in a piece, which has no key picture to begin
// with: at the first piece, or after the last one as soon as something is there.
func startOffset(listed []*segment, holdBack time.Duration) (at time.Duration, ok bool) {
	if !listed[0].piece {
		return 0, false
	}
	var pieces, whole time.Duration
	for _, s := range listed {
		d := &pieces
		if !s.piece {
			d = &whole
		}
		for _, part := range s.parts {
			*d += part.duration
		}
	}
	switch {
	case whole > holdBack:
		return 0, false
	case whole > 0:
		return pieces, true
	default:
		return 0, true
	}
}

func independent(segments []*segment) bool {
	for _, s := range segments {
		if !s.independent {
			return false
		}
	}
	return true
}

// ceilMillis rounds up to whole milliseconds, as written with three decimals: no part may be longer than the target.
func ceilMillis(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}

// stream is one variant as the multivariant playlist shows it.
type stream struct {
	uri           string
	peak, average int // bits a second, pictures alone
	codec         string
	width, height int
	frameRate     float64
	captions      captions.Services
}

// sound is a track of sound that goes with every variant.
type sound struct {
	uri             string
	peak, average   int
	codec           string
	channels        int
	language, label string // as the publisher gave them
}

// The ids of the only groups.
const (
	audioGroup    = "audio"
	captionsGroup = "captions"
	// subtitlesGroup is the captions as text.
	subtitlesGroup = "subtitles"
)

// multivariantPlaylist writes index.m3u8. Without streams the first sound is the only one, and the others are in its place
// where a viewer chooses them.
func multivariantPlaylist(streams []stream, sounds []sound) string {
	var b strings.Builder
	b.WriteString("#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n")
	grouped := len(sounds) > 0 && len(streams) > 0 || len(sounds) > 1
	if len(streams) == 0 && len(sounds) > 0 {
		streams = []stream{{uri: sounds[0].uri}}
	}
	if grouped {
		writeSounds(&b, sounds)
	}
	codecs, peak, average := most(sounds)
	var heard captions.Services
	for _, s := range streams {
		heard |= s.captions
	}
	writeServices(&b, heard)
	for _, s := range streams {
		s.peak += peak
		s.average += average
		all := codecs
		if s.codec != "" {
			all = append([]string{s.codec}, codecs...)
		}
		fmt.Fprintf(&b, "#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=%q", max(s.peak, s.average), s.average, strings.Join(all, ","))
		if s.width > 0 {
			fmt.Fprintf(&b, ",RESOLUTION=%dx%d", s.width, s.height)
		}
		if s.frameRate > 0 {
			fmt.Fprintf(&b, ",FRAME-RATE=%.3f", s.frameRate)
		}
		if grouped {
			fmt.Fprintf(&b, ",AUDIO=%q", audioGroup)
		}
		if heard != 0 {
			fmt.Fprintf(&b, ",CLOSED-CAPTIONS=%q,SUBTITLES=%q", captionsGroup, subtitlesGroup)
		}
		fmt.Fprintf(&b, "\n%s\n", s.uri)
	}
	return b.String()
}

// most is what a viewer may take of sounds, of which one is heard: all of their codecs, and the highest rates.
func most(sounds []sound) (codecs []string, peak, average int) {
	for _, a := range sounds {
		peak, average = max(peak, a.peak), max(average, a.average)
		if !slices.Contains(codecs, a.codec) {
			codecs = append(codecs, a.codec)
		}
	}
	return codecs, peak, average
}

// writeSounds lists the tracks of sound as members of the audio group. Each has a name of its own there, as the
// specification wants it.
func writeSounds(b *strings.Builder, sounds []sound) {
	taken := make(map[string]bool)
	for i, a := range sounds {
		name := cmp.Or(quotable(a.label), quotable(a.language), "Sound")
		for plain, n := name, 2; taken[name]; n++ {
			name = fmt.Sprintf("%s %d", plain, n)
		}
		taken[name] = true
		fmt.Fprintf(b, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"%s\",NAME=\"%s\"", audioGroup, name)
		if language := quotable(a.language); language != "" {
			fmt.Fprintf(b, ",LANGUAGE=\"%s\"", language)
		}
		usual := "NO"
		if i == 0 {
			usual = "YES"
		}
		fmt.Fprintf(b, ",DEFAULT=%s,AUTOSELECT=YES,CHANNELS=\"%d\",URI=\"%s\"\n", usual, a.channels, a.uri)
	}
}

// quotable leaves out of a publisher's words what a quoted string cannot hold (RFC 8216, section 4.2).
func quotable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '"' || r == utf8.RuneError || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s))
}
