package hls_test

import (
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestCaptions: closed captions in the pictures are told of, and stay where they are.
func TestCaptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		triplets []byte // type, and two characters
		services []string
		texts    []string
	}{
		"none":        {[]byte{0xf8, 'H', 'i'}, nil, nil}, // invalid
		"cut short":   {[]byte{0xfc, 'H'}, nil, nil},
		"room":        {[]byte{0xfc, 0x80, 0x80}, []string{"CC1"}, []string{"captions"}}, // a null pair
		"608 and 708": {[]byte{0xfc, 0x14, 0x29, 0xfd, 0x15, 0x29, 0xff, 0x02, 0x21, 0xfe, 'H', 'i'}, []string{"CC1", "CC3", "SERVICE1"}, []string{"captions", "captions3"}},
		"708":         {[]byte{0xff, 0x02, 0x21, 0xfe, 'H', 'i'}, []string{"SERVICE1"}, []string{"captions5"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			r.load(80, 60)
			for _, u := range r.clip.Units {
				u.Payload = append(carrying(c.triplets), u.Payload...)
			}
			r.publish(70)
			r.playlist("source/index.m3u8")
			body := r.playlist("index.m3u8")
			for _, id := range c.services {
				r.contains(body, fmt.Sprintf("INSTREAM-ID=%q\n", id))
			}
			for _, name := range c.texts {
				r.contains(body, fmt.Sprintf("URI=\"%s/index.m3u8\"\n", name))
				r.contains(r.playlist(name+"/index.m3u8"), ".vtt\n")
			}
			if n, m := strings.Count(body, "TYPE=CLOSED-CAPTIONS"), strings.Count(body, "TYPE=SUBTITLES"); n != len(c.services) || m != len(c.texts) {
				t.Errorf("%d services, %d texts:\n%s", n, m, body)
			}
			if n := strings.Count(body, `,CLOSED-CAPTIONS="captions",SUBTITLES="subtitles"`); (n == 3) != (len(c.services) > 0) {
				t.Errorf("%d of 3 variants have captions:\n%s", n, body)
			}
		})
	}
}

// carrying is an SEI message with captions, as ATSC A/53 has it.
func carrying(triplets []byte) []byte {
	message := append([]byte{0xb5, 0, 0x31, 'G', 'A', '9', '4', 3, 0x40 | byte((len(triplets)+2)/3), 0xff}, triplets...)
	if len(triplets)%3 > 0 {
		return append([]byte{0, 0, 0, 1, 6, 4, byte(len(message))}, message...) // it ends too soon
	}
	message = append(message, 0xff)
	return slices.Concat([]byte{0, 0, 0, 1, 6, 4, byte(len(message))}, message, []byte{0x80})
}

// TestCaptionsAsText: what captions say is in a playlist of its own, cut as the pictures are, with their times.
func TestCaptionsAsText(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(200, 60)
	from := r.caption()
	r.publish(190)
	r.contains(r.playlist("captions/index.m3u8?_HLS_msn=2"),
		"#EXT-X-TARGETDURATION:3", "#EXT-X-MEDIA-SEQUENCE:0\n", "#EXTINF:2.00000,\n", "-v2.vtt")
	r.contains(r.playlist("index.m3u8"),
		`TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="Captions (text)",DEFAULT=NO,AUTOSELECT=NO,FORCED=NO,URI="captions/index.m3u8"`, `,SUBTITLES="subtitles"`)
	r.publish(10)
	r.hub.Close(nil)
	r.ended("source")

	names := regexp.MustCompile(`[0-9a-f]+-v\d+\.vtt`).FindAllString(r.playlist("captions/index.m3u8"), -1)
	if len(names) != 4 {
		t.Fatalf("%d segments of text: %v", len(names), names)
	}
	var cues []string
	for _, name := range names {
		status, text, header := r.get("captions/" + name)
		if status != http.StatusOK || header.Get("Content-Type") != "text/vtt" {
			t.Errorf("%s: %d %v", name, status, header)
		}
		r.contains(text, "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n")
		cues = append(cues, regexp.MustCompile(`(?s)\S+ --> .*`).FindString(text))
	}
	for _, cue := range cues[:2] { // at the beginning of row 14 of 15
		r.contains(cue, " line:79.33% position:10.00% align:start\n")
	}
	if !strings.Contains(cues[0], "\nfish &amp; chips\n") || !strings.Contains(cues[1], "\nfish &amp; chips\n") || cues[2]+cues[3] != "" {
		t.Errorf("cues: %q", cues)
	}
	shown := seconds(t, cues[0])
	gone := seconds(t, cues[1])
	start := float64(from) / 90_000
	if shown[0] < start+19.0/30 || shown[0] > start+21.0/30 || shown[1] != gone[0] || gone[1] < start+99.0/30 || gone[1] > start+101.0/30 {
		t.Errorf("shown from %v, and from %v; the stream begins at %.3f", shown, gone, start)
	}
	out, err := exec.CommandContext(t.Context(), "/usr/bin/ffmpeg", "-v", "error", "-i", r.url+"captions/"+names[0], "-f", "srt", "-").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "fish & chips") {
		t.Errorf("ffmpeg: %v: %s", err, out)
	}
}

// caption puts a caption into the clip, and returns the PTS of the first picture.
func (r *rig) caption() (from int64) {
	// Loaded out of sight, with codes twice; shown from picture 20 on; gone from picture 100 on, in the next segment.
	pairs := map[int64]string{20: "\x14\x2f", 21: "\x14\x2f", 100: "\x14\x2c", 101: "\x14\x2c"}
	for i, pair := range []string{"\x14\x20", "\x14\x20", "\x14\x50", "\x14\x50", "fi", "sh", " &", " c", "hi", "ps"} {
		pairs[int64(i)] = pair
	}
	from = r.clip.Units[0].PTS // the first to be shown: it is a key picture
	for _, u := range r.clip.Units {
		if pair := pairs[(u.PTS-from)/3000]; pair != "" {
			u.Payload = append(carrying([]byte{0xfc, pair[0], pair[1]}), u.Payload...)
		}
	}
	return from
}

// seconds are the start and the end of the only cue.
func seconds(t *testing.T, cue string) (at []float64) {
	t.Helper()
	for _, m := range regexp.MustCompile(`00:00:(\d\d\.\d{3})`).FindAllStringSubmatch(cue, -1) {
		s, err := strconv.ParseFloat(m[1], 64)
		must(t, err)
		at = append(at, s)
	}
	if len(at) != 2 {
		t.Fatalf("not one cue: %q", cue)
	}
	return at
}
