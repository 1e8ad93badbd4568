// Package viewer watches streams as players do, and writes down what it saw: every picture's timestamp by LL-HLS.
package viewer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
)

// Variant is what was seen of one variant.
type Variant struct {
	Name          string // "source", "720p"
	Width, Height int
	FrameRate     float64 // as the multivariant playlist has it; 0 where it says nothing
	// PTS are the pictures' presentation times in video ticks, in the order of the file.
	PTS []int64
	// Sums tell pictures of H264 apart: CRC-32 of the coded slices of each, in the same order.
	Sums []uint32
	// Discontinuities counts the segments that began with new parameters.
	Discontinuities int
}

// HLS watches every variant of a stream from now on to its end, segment by segment, and returns what it saw.
func HLS(ctx context.Context, index string) (map[string]*Variant, error) {
	variants, err := multivariant(ctx, index)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := make(map[string]*Variant, len(variants))
	errs := make([]error, len(variants))
	for i, v := range variants {
		wg.Go(func() {
			err := v.watch(ctx)
			mu.Lock()
			defer mu.Unlock()
			seen[v.Name] = &v.Variant
			if err != nil {
				errs[i] = fmt.Errorf("%s: %w", v.Name, err)
			}
		})
	}
	wg.Wait()
	return seen, errors.Join(errs...)
}

// startTag is left out before parsing: the library takes an offset of zero for none.
var startTag = regexp.MustCompile(`(?m)^#EXT-X-START:.*\n`)

type variant struct {
	Variant
	url string
}

// multivariant waits until the stream has a playlist and reads it.
func multivariant(ctx context.Context, index string) ([]*variant, error) {
	for {
		body, status, err := get(ctx, index)
		if err != nil {
			return nil, err
		}
		if status == http.StatusOK {
			return parseMultivariant(index, body)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return nil, fmt.Errorf("no playlist at %s (last answer: %d %s)", index, status, body)
		}
	}
}

func parseMultivariant(index string, body []byte) ([]*variant, error) {
	var list playlist.Multivariant
	if err := list.Unmarshal(body); err != nil {
		return nil, fmt.Errorf("multivariant playlist: %w\n%s", err, body)
	}
	var all []*variant
	for _, v := range list.Variants {
		u, err := resolve(index, v.URI)
		if err != nil {
			return nil, err
		}
		name, _, _ := strings.Cut(v.URI, "/")
		all = append(all, &variant{url: u, Variant: Variant{Name: name}})
		if v.FrameRate != nil {
			all[len(all)-1].FrameRate = *v.FrameRate
		}
		if _, err := fmt.Sscanf(v.Resolution, "%dx%d", &all[len(all)-1].Width, &all[len(all)-1].Height); err != nil {
			return nil, fmt.Errorf("resolution %q: %w", v.Resolution, err)
		}
	}
	return all, nil
}

// watch reads the media playlist, by blocking reloads, and every segment in it, until the playlist ends.
func (v *variant) watch(ctx context.Context) error {
	next := v.url
	done := make(map[string]bool)
	for {
		body, status, err := get(ctx, next)
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("playlist: status %d, %w", status, err)
		}
		var list playlist.Media
		if err := list.Unmarshal(startTag.ReplaceAll(body, nil)); err != nil {
			return fmt.Errorf("playlist: %w\n%s", err, body)
		}
		for _, s := range list.Segments {
			if done[s.URI] {
				continue
			}
			done[s.URI] = true
			if s.Discontinuity {
				v.Discontinuities++
			}
			if err := v.readSegment(ctx, s.URI); err != nil {
				return err
			}
		}
		if list.Endlist {
			return nil
		}
		msn := list.MediaSequence + len(list.Segments)
		next = fmt.Sprintf("%s?_HLS_msn=%d", v.url, msn)
	}
}

func (v *variant) readSegment(ctx context.Context, uri string) error {
	u, err := resolve(v.url, uri)
	if err != nil {
		return err
	}
	body, status, err := get(ctx, u)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("segment %s: status %d, %w", uri, status, err)
	}
	var parts fmp4.Parts
	if err := parts.Unmarshal(body); err != nil {
		return fmt.Errorf("segment %s: %w", uri, err)
	}
	for _, p := range parts {
		for _, track := range p.Tracks {
			dts := int64(track.BaseTime)
			for _, sample := range track.Samples {
				v.PTS = append(v.PTS, dts+int64(sample.PTSOffset))
				dts += int64(sample.Duration)
				v.Sums = append(v.Sums, Sum(prefixed(sample.Payload)))
			}
		}
	}
	return nil
}

// prefixed are the NAL units of a picture with 4-byte lengths, as far as it has the form.
func prefixed(au []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(au) > 4 {
			n := int(binary.BigEndian.Uint32(au))
			if n > len(au)-4 || !yield(au[4:4+n]) {
				return
			}
			au = au[4+n:]
		}
	}
}

// Sum is the CRC-32 of the coded slices among an H264 picture's NAL units (see Variant).
func Sum(nalus iter.Seq[[]byte]) (sum uint32) {
	for n := range nalus {
		if len(n) > 0 && n[0]&0x1f >= 1 && n[0]&0x1f <= 5 {
			sum = crc32.Update(sum, crc32.IEEETable, n)
		}
	}
	return sum
}

func resolve(base, ref string) (string, error) {
	b, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	r, err := url.Parse(ref)
	if err != nil {
		return "", err
	}
	return b.ResolveReference(r).String(), nil
}

// get reads a whole resource; what is not there is a status, not an error.
func get(ctx context.Context, u string) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	_, err = io.Copy(&body, io.LimitReader(resp.Body, 64<<20))
	return body.Bytes(), resp.StatusCode, err
}
