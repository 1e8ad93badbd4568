package hls_test

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"castnet/broadcaster/playback/internal/clip"
	"castnet/internal/media"
)

// TestSeveralSounds: each track of sound is a member of the audio group, with a name of its own and the language that the
// publisher gave it, whatever else that wrote; a player finds and decodes them all.
func TestSeveralSounds(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.clip = clip.Make(r, clip.Options{Width: 640, Height: 480, Pictures: 100, Keys: 50, Sound: true})
	for n, named := range []media.Track{{Language: "de", Label: "The \"hall\"\n"}, {Language: "en"}, {Language: "en"}, {}} {
		track := *r.clip.Audio
		track.Language, track.Label = named.Language, named.Label
		r.hub.AddAudio(n, &track)
	}
	must(t, r.hub.SetLadder(nil))
	index := r.later("index.m3u8")
	r.publish(len(r.clip.Units))
	for _, u := range r.clip.Sound {
		for n := 1; n < 4; n++ {
			must(t, r.hub.PublishAudio(n, media.AAC, u))
		}
	}
	first := <-index
	r.hub.Close(nil)
	for _, name := range []string{"source", "aac", "aac2", "aac3", "aac4"} {
		r.ended(name)
	}
	second := r.playlist("index.m3u8")
	r.contains(first, `,AUDIO="audio"`)
	r.contains(second,
		`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="The hall",LANGUAGE="de",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="aac/index.m3u8"`+"\n",
		`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="en",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="aac2/index.m3u8"`+"\n",
		`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="en 2",LANGUAGE="en",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="aac3/index.m3u8"`+"\n",
		`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Sound",DEFAULT=NO,AUTOSELECT=YES,CHANNELS="2",URI="aac4/index.m3u8"`+"\n",
		`,mp4a.40.2",RESOLUTION=640x480,`)
	kinds, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of", "csv=p=0", r.url+"index.m3u8").Output()
	if err != nil || strings.Count(string(kinds), "audio") != 2*4 { // ffprobe lists those of the program once more
		t.Errorf("ffprobe: %v, found\n%s", err, kinds)
	}
	out, err := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", r.url+"index.m3u8", "-map", "0:a", "-f", "null", "-").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("ffmpeg: %v: %s", err, out)
	}
}

// TestSoundAlone: a stream of sound only is one variant of it, near live part by part, and whole at its end.
func TestSoundAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	c := clip.Make(r, clip.Options{Width: 64, Height: 64, Pictures: 200, Keys: 100, Sound: true})
	r.hub.AddAudio(0, c.Audio)
	must(t, r.hub.SetAudioOnly())
	index := r.later("index.m3u8")
	next := int64(0)
	for i, u := range c.Sound {
		if u.PTS >= next { // about 2 s
			must(t, r.hub.StartSegment(&media.Segment{Seq: uint64(next / 96_000), FirstPTS: u.PTS, DecodeFrom: u.PTS, Track: c.Audio}))
			next += 96_000
		}
		u.Capture = time.Unix(1_700_000_000, 0).Add(c.Audio.Duration(u.PTS))
		must(t, r.hub.PublishAudio(0, media.AAC, u))
		if i == 100 {
			r.contains(<-index, "#EXT-X-STREAM-INF:BANDWIDTH=", `CODECS="mp4a.40.2"`+"\naac/index.m3u8\n")
			r.contains(r.playlist("aac/index.m3u8"), "#EXT-X-PART:DURATION=0.19", "#EXT-X-PRELOAD-HINT")
		}
	}
	r.hub.Close(nil)
	r.ended("aac")
	want := clip.PTS(c.Sound)
	slices.Sort(want)
	if got := r.packets(r.url + "index.m3u8"); len(got) != len(want) || got[0] != want[0]+10*48_000 || got[len(got)-1] != want[len(want)-1]+10*48_000 {
		t.Errorf("%d packets, published were %d", len(got), len(want))
	}
	list := r.playlist("aac/index.m3u8")
	for _, at := range regexp.MustCompile(`EXTINF:([0-9.]+)`).FindAllStringSubmatch(list, -1) {
		if at[1] > "2.1" {
			t.Errorf("a segment of %s s", at[1])
		}
	}
}
