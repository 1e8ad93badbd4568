package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pion/webrtc/v4"
	pionmedia "github.com/pion/webrtc/v4/pkg/media"

	"castnet/test/testnet"
)

// whipByPion publishes H264 without B-frames, and Opus.
func whipByPion(ctx context.Context, m *matrix, key, file string) (err error) {
	films, all, err := demux(ctx, file)
	if err != nil {
		return err
	}
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pc.Close()) }()
	tracks := make([]*webrtc.TrackLocalStaticSample, 2)
	for i, codec := range []webrtc.RTPCodecCapability{{MimeType: webrtc.MimeTypeH264, ClockRate: 90_000}, {MimeType: webrtc.MimeTypeOpus, ClockRate: 48_000, Channels: 2}} {
		if tracks[i], err = webrtc.NewTrackLocalStaticSample(codec, strconv.Itoa(i), "film"); err != nil {
			return err
		}
		if _, err := pc.AddTransceiverFromTrack(tracks[i], webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
			return err
		}
	}
	connected := make(chan struct{})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			close(connected)
		}
	})
	session, err := offerWHIP(ctx, pc, m.HTTP+"/whip/"+key)
	if err != nil {
		return err
	}
	select {
	case <-connected:
	case <-ctx.Done():
		return fmt.Errorf("connect: %w", ctx.Err())
	}
	lengths := []time.Duration{time.Second / time.Duration(matrixFilm.FPS), 20 * time.Millisecond}
	err = inTime(ctx, films, all, func(s sample) error {
		return tracks[s.track].WriteSample(pionmedia.Sample{Data: s.unit.Payload, Duration: lengths[s.track]})
	})
	if err != nil {
		return err
	}
	_, _, err = ask(ctx, http.MethodDelete, session, "")
	return err
}

// offerWHIP offers what a connection has, and returns the session's URL.
func offerWHIP(ctx context.Context, pc *webrtc.PeerConnection, url string) (session string, err error) {
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		return "", err
	}
	gathered := webrtc.GatheringCompletePromise(pc)
	if err := pc.SetLocalDescription(offer); err != nil {
		return "", err
	}
	<-gathered
	answer, session, err := ask(ctx, http.MethodPost, url, pc.LocalDescription().SDP)
	if err != nil {
		return "", err
	}
	return session, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
}

// ask sends SDP, or nothing, and returns the answer, and the URL that it names.
func ask(ctx context.Context, method, url, sdp string) (answer, location string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(sdp))
	if err != nil {
		return "", "", err
	}
	req.Header.Set("Content-Type", "application/sdp")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= http.StatusBadRequest {
		return "", "", fmt.Errorf("%s %s: %s %s %w", method, url, resp.Status, text, err)
	}
	if at, err := resp.Location(); err == nil {
		location = at.String()
	}
	return string(text), location, nil
}

// whipByChromium draws the film in a page, beeps by its clock, and publishes that. The page needs no file.
func whipByChromium(codec string) publisher {
	return func(ctx context.Context, m *matrix, key, _ string) error {
		return chromium(ctx, "publish", m.HTTP, "/whip/"+key, codec, strconv.Itoa(matrixFilm.Width), strconv.Itoa(matrixFilm.Height),
			strconv.Itoa(matrixFilm.FPS), strconv.Itoa(matrixFilm.Pictures))
	}
}

// byChromium watches by WHEP or by hls.js, and has the browser record what it shows.
func byChromium(way, path string) func(context.Context, *matrix, string, string) error {
	return func(ctx context.Context, m *matrix, id, file string) error {
		return chromium(ctx, way, m.HTTP, fmt.Sprintf(path, id), file, "/hls/"+id+"/160p/index.m3u8")
	}
}

// afterwards publishes when browsers have had time to start.
func afterwards(push publisher) publisher {
	return func(ctx context.Context, m *matrix, key, file string) error {
		select {
		case <-time.After(8 * time.Second):
		case <-ctx.Done():
		}
		return push(ctx, m, key, file)
	}
}

// chromium runs test/browser/film.mjs.
func chromium(ctx context.Context, args ...string) error {
	script := filepath.Join(testnet.Root(), "test", "browser", "film.mjs")
	cmd := exec.CommandContext(ctx, "node", append([]string{script}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("film.mjs %s: %w\n%s", strings.Join(args, " "), err, out.String())
	}
	return nil
}
