package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/test/testnet"
	"castnet/transcoder"
)

const (
	// starts is how often a stream's beginning is measured.
	starts = 8
	// poll is the distance of a player's requests until the stream is there.
	poll = 5 * time.Millisecond
	// hlsOffset is what the network adds to every timestamp in HLS (package hls says why).
	hlsOffset = 10 * media.VideoClockRate
)

// hls measures LL-HLS as a player sees it: how soon after its first key picture a stream has a playlist and a part, and
// how old the newest picture of each part is when the part, which is asked for before it is there, has been downloaded, and how
// old pictures are when hls.js shows them, without sound and with it.
func hls(ctx context.Context, measure time.Duration) (*result, error) {
	video, err := clip.Make(ctx, source)
	if err != nil {
		return nil, err
	}
	r := &result{
		Figures: figures{}, Samples: map[string]int{},
		Budget: figures{
			"first_playlist_ms": 300, "first_part_ms": 400, "newest_age_source_ms": 60, "newest_age_rendition_ms": 150,
			"hlsjs_latency_ms": 1200, "hlsjs_stalls": 0, "hlsjs_errors": 0,
			"hlsjs_sound_latency_ms": 1200, "hlsjs_sound_errors": 0,
			"hlsjs_page_latency_ms": 1200, "hlsjs_page_errors": 0,
		},
	}
	if err := beginnings(ctx, r, video, measure); err != nil {
		return nil, err
	}
	return r, renditions(ctx, r, video, measure)
}

// beginnings measures the starts of streams without a ladder, and the age of the source's parts for a quarter of the
// time. The figures are the 90th percentile of the starts, and the median of the parts.
func beginnings(ctx context.Context, r *result, video *clip.Video, measure time.Duration) (err error) {
	progress("the network without a ladder: %d streams begin", starts)
	var keys []string
	for i := range starts {
		keys = append(keys, fmt.Sprintf("start%d", i))
	}
	s, err := raiseWithKeys(ctx, keys, "--ladder", "none")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var playlists, parts []float64
	for _, key := range keys {
		playlist, part, err := s.beginning(ctx, key, video)
		if err != nil {
			return err
		}
		playlists, parts = append(playlists, milliseconds(playlist)), append(parts, milliseconds(part))
		if err := s.endPush(); err != nil {
			return err
		}
	}
	r.Figures["first_playlist_ms"], r.Figures["first_part_ms"] = percentile(playlists, 90), percentile(parts, 90)
	r.Samples["first_part_ms"] = len(parts)

	progress("parts of the source")
	if err := s.push(ctx, video, time.Hour); err != nil {
		return err
	}
	ages, err := s.agesOf(ctx, "source", measure/4)
	if err != nil {
		return err
	}
	r.Figures["newest_age_source_ms"], r.Figures["newest_age_source_p95_ms"] = percentile(ages, 50), percentile(ages, 95)
	r.Samples["newest_age_source_ms"] = len(ages)
	return nil
}

// beginning publishes a stream, and says how long after its first picture a playlist of the source and a part have been
// downloaded.
func (s *scene) beginning(ctx context.Context, key string, video *clip.Video) (playlist, part time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := s.pushTo(ctx, key, &material{video: video}, time.Hour); err != nil {
		return 0, 0, err
	}
	first, err := s.sent.first()
	if err != nil {
		return 0, 0, err
	}
	list, err := s.awaitPlaylist(ctx, key, "source")
	if err != nil {
		return 0, 0, err
	}
	playlist = time.Since(first)
	uri := partURI.FindSubmatch(list.body)
	if uri == nil {
		return 0, 0, fmt.Errorf("the first playlist of %s has no part:\n%s", key, list.body)
	}
	_, err = list.fetch(ctx, string(uri[1]))
	return playlist, time.Since(first), err
}

// renditions measures the network with the default ladder: the parts of every rung for half of the time, then hls.js, as it
// comes without sound, with sound, and as the page's player sets it.
func renditions(ctx context.Context, r *result, video *clip.Video, measure time.Duration) (err error) {
	progress("the network: parts of the renditions")
	const heard = "heard"
	s, err := raiseWithKeys(ctx, []string{heard}) // and the usual one
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.push(ctx, video, time.Hour); err != nil {
		return err
	}
	if err := s.partAges(ctx, r, measure/2); err != nil {
		return err
	}
	stretch := max(measure/4, 10*time.Second)
	if err := s.browse(ctx, r, watched{id: stream, figures: "hlsjs"}, stretch); err != nil {
		return err
	}
	if err := s.endPush(); err != nil {
		return err
	}
	sound, err := clip.MakeTone(ctx, 440, time.Duration(source.Seconds)*time.Second) // as long as the pictures: both are looped
	if err != nil {
		return err
	}
	if err := s.pushTo(ctx, heard, &material{video, sound}, time.Hour); err != nil {
		return err
	}
	select { // who comes during the first GOP begins with its key picture
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settle):
	}
	if err := s.browse(ctx, r, watched{id: heard, figures: "hlsjs_sound"}, stretch); err != nil {
		return err
	}
	return s.browse(ctx, r, watched{heard, "hlsjs_page", filepath.Join(testnet.Root(), "broadcaster", "api", "web", "src", "player", "hls.json")}, stretch)
}

// partAges measures the parts of every rung of the default ladder; the figure is the worst rung's median.
func (s *scene) partAges(ctx context.Context, r *result, stretch time.Duration) error {
	ladder := transcoder.DefaultLadder(source.Width, source.Height)
	var players sync.WaitGroup
	ages, errs := make([][]float64, len(ladder)), make([]error, len(ladder))
	for i, p := range ladder {
		players.Go(func() { ages[i], errs[i] = s.agesOf(ctx, p.Name, stretch) })
	}
	players.Wait()
	for i, p := range ladder {
		p50, p95 := percentile(ages[i], 50), percentile(ages[i], 95)
		r.Figures["newest_age_ms_"+p.Name] = p50
		if p50 >= r.Figures["newest_age_rendition_ms"] {
			r.Figures["newest_age_rendition_ms"], r.Figures["newest_age_rendition_p95_ms"] = p50, p95
			r.Samples["newest_age_rendition_ms"] = len(ages[i])
		}
	}
	return errors.Join(errs...)
}

// agesOf asks for each part of a rendition before it is there, for a time, after some to settle, and returns how old its
// newest picture is when the part has been downloaded, in milliseconds.
func (s *scene) agesOf(ctx context.Context, rendition string, stretch time.Duration) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, settle+stretch+20*time.Second)
	defer cancel()
	list, err := s.awaitPlaylist(ctx, stream, rendition)
	if err != nil {
		return nil, err
	}
	from := time.Now().Add(settle)
	var ages []float64
	for time.Since(from) < stretch {
		hint := hintURI.FindSubmatch(list.body)
		if hint == nil {
			return nil, fmt.Errorf("%s hints at no part:\n%s", list.url, list.body)
		}
		part, err := list.fetch(ctx, string(hint[1]))
		if err != nil {
			return nil, err
		}
		at := time.Now()
		pts, err := newestPicture(part)
		if err != nil {
			return nil, err
		}
		sent, ok := s.sent.get(pts)
		if !ok {
			return nil, fmt.Errorf("%s: a part ends with picture %d, which was never sent", list.url, pts)
		}
		if at.After(from) {
			ages = append(ages, milliseconds(at.Sub(sent)))
		}
		if list.body, err = list.fetch(ctx, ""); err != nil {
			return nil, err
		}
	}
	return ages, nil
}

var (
	partURI = regexp.MustCompile(`#EXT-X-PART:.*URI="([^"]+)"`)
	hintURI = regexp.MustCompile(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="([^"]+)"`)
)

// newestPicture is the highest PTS in a part.
func newestPicture(part []byte) (int64, error) {
	var parts fmp4.Parts
	if err := parts.Unmarshal(part); err != nil {
		return 0, fmt.Errorf("part: %w", err)
	}
	newest := int64(-1)
	for _, p := range parts {
		for _, track := range p.Tracks {
			dts := int64(track.BaseTime)
			for _, sample := range track.Samples {
				newest = max(newest, dts+int64(sample.PTSOffset))
				dts += int64(sample.Duration)
			}
		}
	}
	return newest - hlsOffset, nil
}

// mediaList is a rendition's playlist.
type mediaList struct {
	url  *url.URL
	body []byte
}

// awaitPlaylist asks for a rendition's playlist until it is there.
func (s *scene) awaitPlaylist(ctx context.Context, id, rendition string) (*mediaList, error) {
	index, err := url.Parse(s.network.HTTP + "/hls/" + id + "/index.m3u8")
	if err != nil {
		return nil, err
	}
	multivariant := &mediaList{url: index}
	own := regexp.MustCompile(`(?m)^(` + rendition + `/.*)$`)
	for {
		if multivariant.body, err = multivariant.fetch(ctx, ""); err == nil {
			if uri := own.FindSubmatch(multivariant.body); uri != nil {
				list := &mediaList{url: index.JoinPath("..", string(uri[1]))}
				list.body, err = list.fetch(ctx, "")
				return list, err
			}
			err = fmt.Errorf("%s has no %s", index, rendition)
		}
		select {
		case <-time.After(poll):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// fetch downloads what the playlist refers to; the playlist itself for "".
func (l *mediaList) fetch(ctx context.Context, ref string) ([]byte, error) {
	from, err := l.url.Parse(ref)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", from, resp.Status, body)
	}
	return body, err
}
