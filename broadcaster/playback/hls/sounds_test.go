package hls_test

import (
	"os/exec"
	"regexp"
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
	for _, named := range []media.Track{{Language: "de", Label: "The \"hall\"\n"}, {Language: "en"}, {Language: "en"}, {}} {
		track, c := *r.clip.Audio, *r.clip
		track.Language, track.Label = named.Language, named.Label
		c.Audio = &track
		r.addSound(&c)
	}
	must(t, r.hub.SetLadder(nil))
	index := r.later("index.m3u8")
	r.publish(len(r.clip.Units))
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
	r.clip = clip.Make(r, clip.Options{Width: 64, Height: 64, Pictures: 200, Keys: 100, Sound: true})
	r.addSound(r.clip)
	must(t, r.hub.SetAudioOnly())
	index := r.later("index.m3u8")
	begin := r.clip.Audio.Duration(r.clip.Sound[0].PTS)
	r.speak(begin + 2200*time.Millisecond)
	r.contains(<-index, "#EXT-X-STREAM-INF:BANDWIDTH=", `CODECS="mp4a.40.2"`+"\naac/index.m3u8\n")
	r.contains(r.playlist("aac/index.m3u8"), "#EXT-X-PART:DURATION=0.19", "#EXT-X-PRELOAD-HINT")
	r.speak(time.Hour)
	r.hub.Close(nil)
	r.ended("aac")
	want := clip.PTS(r.clip.Sound)
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

// TestHEAAC: players are told what AAC has to be decoded with, wherever its configuration says so.
func TestHEAAC(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]string{
		"5":  "\x2b\x11\x88\x00",     // before the core's parameters
		"29": "\xeb\x09\x88\x00",     // with parametric stereo
		"2":  "\x13\x10",             // nothing but the core
		"05": "\x13\x10\x56\xe5\x98", // behind them
	} {
		r := newRig(t, nil)
		track := &media.Track{Codec: media.AAC, ClockRate: 24_000, Channels: 2, Config: []byte(config)}
		r.hub.AddAudio(0, track)
		must(t, r.hub.SetAudioOnly())
		must(t, r.hub.StartSegment(&media.Segment{Track: track}))
		index := r.later("index.m3u8")
		for i := range int64(20) {
			must(t, r.hub.PublishAudio(0, media.AAC, &media.Unit{PTS: i * 1024, DTS: i * 1024, Key: true, Payload: []byte{0x21}, Capture: time.Unix(1_700_000_000, 0)}))
		}
		r.contains(<-index, `CODECS="mp4a.40.`+strings.TrimPrefix(name, "0")+`"`)
	}
}
