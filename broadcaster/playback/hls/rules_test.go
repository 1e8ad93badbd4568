package hls_test

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"

	"castnet/broadcaster/playback/hls"
)

// follower is a player that holds a server to its own words, as it reloads one variant's playlist part by part.
type follower struct {
	*rig
	name   string
	first  int                      // the media sequence number of known[0]
	known  []*playlist.MediaSegment // as first told, from the first on
	parts  map[string]bool          // seen in a playlist
	hinted string                   // the part that the last playlist announced
	last   *playlist.Media
}

// startTag is left out before parsing: the library takes an offset of zero for none.
var startTag = regexp.MustCompile(`(?m)^#EXT-X-START:.*\n`)

func (f *follower) parse(body string) *playlist.Media {
	f.Helper()
	var m playlist.Media
	if err := m.Unmarshal([]byte(startTag.ReplaceAllString(body, ""))); err != nil {
		f.Fatalf("%v:\n%s", err, body)
	}
	return &m
}

// reload takes a playlist and its delta update, and checks them against RFC 8216bis and against what was told before.
func (f *follower) reload(query string) {
	f.Helper()
	body := f.playlist(f.name + "/index.m3u8" + query)
	m := f.parse(body)
	f.control(m)
	f.segments(m)
	f.partsOf(m)
	if f.hinted != "" && !f.parts[f.hinted] && !m.Endlist && f.last.PreloadHint.URI != m.PreloadHint.URI {
		f.Errorf("the hinted part %s never came:\n%s", f.hinted, body)
	}
	f.last = m
	if m.Endlist {
		return
	}
	f.hinted = m.PreloadHint.URI
	skip := "?_HLS_skip=YES"
	if query != "" {
		skip = query + "&_HLS_skip=YES"
	}
	f.delta(m, f.parse(f.playlist(f.name+"/index.m3u8"+skip)))
}

func (f *follower) control(m *playlist.Media) {
	f.Helper()
	if m.Version < 9 || m.PartInf == nil || m.ServerControl == nil && !m.Endlist {
		f.Fatalf("version %d, PART-INF %v, SERVER-CONTROL %v", m.Version, m.PartInf, m.ServerControl)
	}
	if m.Endlist {
		return
	}
	c := m.ServerControl
	if !c.CanBlockReload || c.PartHoldBack == nil || *c.PartHoldBack < 3*m.PartInf.PartTarget {
		f.Errorf("blocking %v, hold-back %v with parts of %v", c.CanBlockReload, c.PartHoldBack, m.PartInf.PartTarget)
	}
	if c.CanSkipUntil == nil || *c.CanSkipUntil < 6*time.Duration(m.TargetDuration)*time.Second {
		f.Errorf("CAN-SKIP-UNTIL %v with a target of %d s", c.CanSkipUntil, m.TargetDuration)
	}
}

// segments holds that told segments never change, follow each other in time, and are no longer than the target.
func (f *follower) segments(m *playlist.Media) {
	f.Helper()
	if f.last != nil && (m.MediaSequence < f.last.MediaSequence || m.TargetDuration < f.last.TargetDuration) {
		f.Errorf("media sequence %d after %d, target %d after %d", m.MediaSequence, f.last.MediaSequence, m.TargetDuration, f.last.TargetDuration)
	}
	if f.last == nil {
		f.first = m.MediaSequence
	}
	for i, s := range m.Segments {
		at := m.MediaSequence + i - f.first
		if s.Gap || s.DateTime == nil {
			f.Errorf("segment %s: gap %v, date %v", s.URI, s.Gap, s.DateTime)
			continue
		}
		if math.Round(s.Duration.Seconds()) > float64(m.TargetDuration) {
			f.Errorf("segment %s lasts %v, the target is %d s", s.URI, s.Duration, m.TargetDuration)
		}
		if at < len(f.known) {
			if k := f.known[at]; k.URI != s.URI || k.Duration != s.Duration || !k.DateTime.Equal(*s.DateTime) || k.Discontinuity != s.Discontinuity {
				f.Errorf("segment %d was %+v and is %+v", f.first+at, k, s)
			}
			continue
		}
		if at > 0 && !s.Discontinuity {
			if k := f.known[at-1]; s.DateTime.Sub(k.DateTime.Add(k.Duration)).Abs() > 40*time.Millisecond { // pictures are reordered
				f.Errorf("segment %s begins %v after the one before it ends", s.URI, s.DateTime.Sub(k.DateTime.Add(k.Duration)))
			}
		}
		f.known = append(f.known, s)
	}
}

// partsOf holds that parts are as long as promised, and make up their segments.
func (f *follower) partsOf(m *playlist.Media) {
	f.Helper()
	check := func(parts []*playlist.MediaPart, whole time.Duration) {
		var sum time.Duration
		for i, p := range parts {
			f.parts[p.URI] = true
			sum += p.Duration
			short := p.Duration < m.PartInf.PartTarget*85/100
			if last := i == len(parts)-1; p.Duration > m.PartInf.PartTarget || short && !last || p.Gap {
				f.Errorf("part %s lasts %v, the target is %v", p.URI, p.Duration, m.PartInf.PartTarget)
			}
		}
		if whole > 0 && len(parts) > 0 && (sum-whole).Abs() > time.Millisecond {
			f.Errorf("parts of %v make a segment of %v", sum, whole)
		}
	}
	for _, s := range m.Segments {
		check(s.Parts, s.Duration)
	}
	check(m.Parts, 0)
	if n := len(m.Segments); n > 0 && !m.Endlist && len(m.Parts) == 0 && len(m.Segments[n-1].Parts) > 1 {
		f.Errorf("segment %s has its end before anything follows it: hls.js would not load its last part", m.Segments[n-1].URI)
	}
}

// delta holds that an update with what is known makes the whole playlist.
func (f *follower) delta(whole, update *playlist.Media) {
	f.Helper()
	skipped := 0
	if update.Skip != nil {
		skipped = update.Skip.SkippedSegments
	}
	var kept time.Duration
	for _, s := range update.Segments {
		kept += s.Duration
	}
	if skipped > 0 && kept < *whole.ServerControl.CanSkipUntil {
		f.Errorf("%d segments are skipped, the update goes back %v", skipped, kept)
	}
	if update.MediaSequence != whole.MediaSequence || len(update.Segments)+skipped < len(whole.Segments) {
		f.Errorf("an update of %d segments, %d skipped, for a playlist of %d", len(update.Segments), skipped, len(whole.Segments))
		return
	}
	for i, s := range whole.Segments[skipped:] {
		if u := update.Segments[i]; u.URI != s.URI || u.Duration != s.Duration {
			f.Errorf("the update has %s for %s", u.URI, s.URI)
		}
	}
}

// TestRules follows every variant of a stream part by part, from its beginning to its end, and judges each playlist by an
// independent parser and the specification's rules; then the multivariant playlist by the bytes that were served.
func TestRules(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *hls.Config) { c.Window = time.Minute })
	r.load(780, 60)
	r.publish(14)
	r.playlist("index.m3u8")
	var all []*follower
	for _, name := range []string{"source", "360p", "180p", "aac"} {
		all = append(all, &follower{rig: r, name: name, parts: make(map[string]bool)})
	}
	for r.at < len(r.clip.Units) {
		r.publish(min(6, len(r.clip.Units)-r.at))
		for _, f := range all {
			f.reload("")
		}
	}
	r.measured(r.playlist("index.m3u8"), all)
	skips := all[1].parse(r.playlist("360p/index.m3u8?_HLS_skip=v2")).Skip
	if skips == nil || skips.SkippedSegments < 5 {
		t.Errorf("26 s of stream: %+v skipped", skips)
	}
	r.hub.Close(nil)
	for _, f := range all {
		r.ended(f.name)
		f.reload("")
		if !f.last.Endlist {
			t.Errorf("%s has no end", f.name)
		}
	}
}

// measured compares what the multivariant playlist says of rates, sizes and codecs with the segments' own bytes.
func (r *rig) measured(body string, all []*follower) {
	r.Helper()
	var m playlist.Multivariant
	if err := m.Unmarshal([]byte(body)); err != nil {
		r.Fatalf("%v:\n%s", err, body)
	}
	peaks, averages := make(map[string]float64), make(map[string]float64)
	for _, f := range all {
		bits, seconds := 0.0, 0.0
		for _, s := range f.known {
			_, media, _ := r.get(f.name + "/" + s.URI)
			bits += float64(8 * len(media))
			seconds += s.Duration.Seconds()
			if s.Duration > time.Second {
				peaks[f.name] = max(peaks[f.name], float64(8*len(media))/s.Duration.Seconds())
			}
		}
		averages[f.name] = bits / seconds
	}
	if len(m.Variants) != 3 {
		r.Fatalf("%d variants:\n%s", len(m.Variants), body)
	}
	sizes := map[string]string{"source": "640x480", "360p": "480x360", "180p": "240x180"}
	for _, v := range m.Variants {
		name, _, _ := strings.Cut(v.URI, "/")
		peak, average := peaks[name]+peaks["aac"], averages[name]+averages["aac"]
		if d := float64(v.Bandwidth)/peak - 1; math.Abs(d) > 0.02 {
			r.Errorf("%s: BANDWIDTH %d, measured %.0f", name, v.Bandwidth, peak)
		}
		if v.AverageBandwidth == nil || math.Abs(float64(*v.AverageBandwidth)/average-1) > 0.02 {
			r.Errorf("%s: AVERAGE-BANDWIDTH %v, measured %.0f", name, v.AverageBandwidth, average)
		}
		if v.Resolution != sizes[name] || v.FrameRate == nil || *v.FrameRate != 30 || len(v.Codecs) != 2 || v.Codecs[1] != "mp4a.40.2" || !strings.HasPrefix(v.Codecs[0], "avc1.") {
			r.Errorf("%s: %s, %v pictures a second, %v", name, v.Resolution, v.FrameRate, v.Codecs)
		}
	}
}

// TestDVR: a long window is held as far as its memory goes, and three target durations at least.
func TestDVR(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bytes    int
		segments [2]int // least and most
	}{
		"enough memory": {1 << 30, [2]int{18, 25}},
		"little memory": {1, [2]int{5, 6}}, // 9 s of segments of 2 s
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(cfg *hls.Config) { cfg.Window, cfg.WindowBytes = time.Minute, c.bytes })
			r.load(780, 60)
			r.publish(40)
			r.playlist("360p/index.m3u8")
			for r.at < 730 {
				reload := r.later(fmt.Sprintf("360p/index.m3u8?_HLS_msn=%d", r.at/60))
				r.publish(50)
				<-reload
			}
			body := r.playlist("360p/index.m3u8")
			if n := strings.Count(body, "-s"); n < c.segments[0] || n > c.segments[1] {
				t.Errorf("%d segments listed:\n%s", n, body)
			}
		})
	}
}
