package whep_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"castnet/broadcaster/playback/internal/clip"
	"castnet/broadcaster/playback/whep"
	"castnet/internal/media"
	"castnet/internal/rtc"
	"castnet/transcoder"
)

// shown is what a stream of events tells of the renditions.
type shown struct {
	Layers []struct {
		EncodingID          string
		Width               int
		Selected, Automatic bool
	}
}

func (s shown) selected() (name string, auto bool) {
	for _, l := range s.Layers {
		if l.Selected {
			return l.EncodingID, l.Automatic
		}
	}
	return "", false
}

// link finds an extension resource among the answer's Link headers.
func (v *viewer) link(extension string) string {
	v.Helper()
	for _, link := range v.header.Values("Link") {
		if target, rest, _ := strings.Cut(strings.TrimPrefix(link, "<"), ">"); strings.Contains(rest, `rel="`+extension+`"`) {
			return strings.Split(v.location, "/whep/")[0] + target
		}
	}
	v.Fatalf("no %s among %q", extension, v.header.Values("Link"))
	return ""
}

func (v *viewer) post(url, body string) (int, string, http.Header) {
	v.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	must(v.T, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(v.T, err)
	return res.StatusCode, string(text), res.Header
}

// events opens the session's stream of events; the function returns the data of the next one of a type.
func (v *viewer) events() func(kind string) string {
	v.Helper()
	url := v.link("urn:ietf:params:whep:ext:core:server-sent-events")
	status, text, header := v.post(url, `["layers", "active", "inactive"]`)
	if status != http.StatusCreated {
		v.Fatalf("%d %s", status, text)
	}
	res, err := http.Get(url + "?types=none")
	must(v.T, err)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		v.Errorf("who asks for events that there are not is told %s", res.Status)
	}
	res, err = http.Get(strings.Split(v.location, "/whep/")[0] + header.Get("Location"))
	must(v.T, err)
	v.Cleanup(func() { _ = res.Body.Close() })
	lines := bufio.NewScanner(res.Body)
	return func(kind string) string {
		v.Helper()
		for last := ""; lines.Scan(); {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				last = name
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && last == kind {
				return data
			}
		}
		v.Fatalf("no event %s any more: %v", kind, lines.Err())
		return ""
	}
}

// TestMoves: a viewer who asks for another rendition gets it from one of the next key pictures on; every picture comes
// once, in order, under one SSRC whose numbers go on.
func TestMoves(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(120, 15, 0)
	r.publish(20)
	v := r.watch("?rendition=180p", webrtc.SettingEngine{})
	next := v.events()
	layer := v.link("urn:ietf:params:whep:ext:core:layer")
	track := v.track()
	ssrc := track.SSRC()
	over := make(chan struct{})
	await := r.play(20*time.Millisecond, over)
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		for _, name := range []string{"source", "180p", "360p"} {
			if status, text, _ := v.post(layer, `{"mediaId": "0", "encodingId": "`+name+`"}`); status != http.StatusOK {
				t.Errorf("%d %s", status, text)
				return
			}
			for got := ""; got != name; {
				var all map[string]shown
				if err := json.Unmarshal([]byte(next("layers")), &all); err != nil {
					t.Error(err)
					return
				}
				got, _ = all["0"].selected()
			}
		}
	}()
	names := []string{"source", "360p", "180p"}
	var seen []string
	for at, there := 15, 0; there < 30 && !t.Failed(); at++ { // until it has come where it was asked to be, and stays
		p, want := v.pictures(track, 1)[0], unit(r.clip, at)
		if p.timestamp != uint32(want.PTS) {
			t.Fatalf("picture %d has timestamp %d, wanted %d", at, p.timestamp, want.PTS)
		}
		which := slices.IndexFunc([]*clip.Clip{r.clip, r.rungs[0], r.rungs[1]}, func(c *clip.Clip) bool { return bytes.Equal(unit(c, at).Payload, p.payload) })
		if which < 0 {
			t.Fatalf("picture %d is of no rendition", at)
		}
		name := names[which]
		if len(seen) == 0 || seen[len(seen)-1] != name {
			seen = append(seen, name)
			if !want.Key {
				t.Errorf("%s begins with picture %d, which is no key picture", name, at)
			}
		}
		select {
		case <-asked:
			if name == "360p" {
				there++
			}
		default:
		}
	}
	close(over)
	await()
	r.hub.Close(nil)
	<-asked
	if track.SSRC() != ssrc {
		t.Error("another SSRC")
	}
	// The second 180p may give way to 360p before its first picture is sent.
	if seen = slices.Compact(slices.DeleteFunc(seen[1:], func(name string) bool { return name == "180p" })); !slices.Equal(seen, []string{"source", "360p"}) {
		t.Errorf("shown were 180p and %v", seen)
	}
	if next("inactive") != "{}" {
		t.Error("the end is not told")
	}
}

// TestAutomatic: a viewer who leaves the choice to the server begins with a rendition that hardly any connection is too
// slow for, and ends with the largest.
func TestAutomatic(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(300, 15, 0)
	r.publish(20)
	v := r.watch("", webrtc.SettingEngine{})
	track := v.track()
	next := v.events()
	over := make(chan struct{})
	await := r.play(33*time.Millisecond, over) // in real time, as the estimate needs
	go func() {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
		}
	}()
	for name := ""; name != "source"; {
		var all map[string]shown
		must(t, json.Unmarshal([]byte(next("layers")), &all))
		var auto bool
		if name, auto = all["0"].selected(); !auto {
			t.Error("not the server's choice")
		}
	}
	if status, text, _ := v.post(v.link("urn:ietf:params:whep:ext:core:layer"), `{"encodingId": "8k"}`); status != 404 || !strings.Contains(text, "source, 360p, 180p") {
		t.Errorf("%d %s", status, text)
	}
	close(over)
	await()
}

// TestLadderGrows: a viewer who is there when the stream gets more renditions is told of them, and is shown one that it asks for.
func TestLadderGrows(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(120, 15, 0)
	r.publish(30)
	v := r.watch("?rendition=180p", webrtc.SettingEngine{})
	next, track := v.events(), v.track()
	v.same(v.pictures(track, 10), r.rungs[1].Units[15:])
	more := transcoder.Profile{Name: "90p", Codec: media.H264, Width: 120, Height: 90, Bitrate: 100_000, Divisor: 1}
	must(t, r.hub.Amend(append(slices.Clone(ladder), more)))
	c := clip.Make(t, clip.Options{Width: more.Width, Height: more.Height, Pictures: 120, Keys: 15})
	c.Retime(r.clip.Units)
	r.rungs = append(r.rungs, c)
	await := func(ok func(shown) bool) {
		t.Helper()
		for all := map[string]shown(nil); !ok(all["0"]); {
			must(t, json.Unmarshal([]byte(next("layers")), &all))
		}
	}
	await(func(s shown) bool { return len(s.Layers) == 4 && s.Layers[3].EncodingID == "90p" })
	if status, text, _ := v.post(v.link("urn:ietf:params:whep:ext:core:layer"), `{"encodingId": "90p"}`); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	r.publish(90)
	await(func(s shown) bool { name, _ := s.selected(); return name == "90p" })
	for i := 0; i < 110; { // the last ones may be lost, with nothing behind them that tells
		got := v.pictures(track, 1)
		last := got[len(got)-1]
		i = slices.IndexFunc(r.clip.Units, func(u *media.Unit) bool { return uint32(u.PTS) == last.timestamp })
		if i >= 110 && !bytes.Equal(last.payload, c.Units[i].Payload) {
			t.Errorf("picture %d is not the new rendition's", i)
		}
	}
}

// TestSourceEnds: who watches the source sees its end while the rungs are still being made, which the others get to the last
// picture; and nobody is offered the source any more.
func TestSourceEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.load(60, 15, 0)
	r.publish(20)
	source, small := r.watch("?rendition=source", webrtc.SettingEngine{}), r.watch("?rendition=180p", webrtc.SettingEngine{})
	next, track := source.events(), small.track()
	source.same(source.pictures(source.track(), 5), r.clip.Units[15:])
	small.same(small.pictures(track, 5), r.rungs[1].Units[15:])
	r.hub.EndSource()
	if next("inactive") != "{}" {
		t.Error("the end of the source is not told")
	}
	late := r.watch("", webrtc.SettingEngine{})
	if status, text, _ := late.post(late.link("urn:ietf:params:whep:ext:core:layer"), `{"encodingId": "source"}`); status != 404 || !strings.Contains(text, "there are 360p, 180p") {
		t.Errorf("who asks for the source after its end is told %d %s", status, text)
	}
	r.publish(10)
	small.same(small.pictures(track, 8), r.rungs[1].Units[20:])
}

// TestICEServers: players are told which STUN and TURN servers to use.
func TestICEServers(t *testing.T) {
	t.Parallel()
	servers, err := rtc.ParseICEServers([]string{"stun:stun.example.net", "turn:turn.example.net:3478?transport=udp user secret"})
	must(t, err)
	r := newRig(t, func(c *whep.Config) { c.ICEServers = servers; c.MaxPerAddress = 1 })
	r.load(30, 15, 0)
	r.publish(20)
	v := r.watch("", webrtc.SettingEngine{})
	links := strings.Join(v.header.Values("Link"), "\n")
	for _, want := range []string{
		`<stun:stun.example.net>; rel="ice-server"`,
		`<turn:turn.example.net:3478?transport=udp>; rel="ice-server"; username="user"; credential="secret"; credential-type="password"`,
	} {
		if !strings.Contains(links, want) {
			t.Errorf("no %s in\n%s", want, links)
		}
	}
	res, err := http.Post(r.url, "application/sdp", strings.NewReader("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"))
	must(t, err)
	text, err := io.ReadAll(res.Body)
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != http.StatusTooManyRequests || !strings.Contains(string(text), "--max-viewers-per-address") {
		t.Errorf("a second viewer from one address: %d %s", res.StatusCode, text)
	}
	for _, bad := range []string{"", "turn:turn.example.net", "stun:stun.example.net user secret", "http://example.net", `stun:a>b`} {
		if _, err := rtc.ParseICEServers([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
