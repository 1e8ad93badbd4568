package playback

import (
	"context"

	"castnet/internal/media"
)

// Start is where a new reader begins.
type Start uint8

const (
	// StartNewestKey begins at the newest key unit that is kept, so that the first picture shows at once.
	StartNewestKey Start = iota
	// StartOldestKey begins at the oldest key unit that is kept.
	StartOldestKey
)

// Reader is one reader's place in a rendition. It costs the publisher nothing and holds nothing: it may be dropped at
// any time. It is used by one goroutine.
type Reader struct {
	rendition *Rendition
	start     Start
	started   bool
	next      uint64
}

// NewReader makes a reader. It begins with what is kept, or with the next key unit where there is none.
func (r *Rendition) NewReader(start Start) *Reader {
	r.MarkRead()
	return r.Prepare(start)
}

// Prepare makes a reader for who only gets the rendition ready for others: MarkRead says when there is one of them.
func (r *Rendition) Prepare(start Start) *Reader { return &Reader{rendition: r, start: start} }

// MarkRead says that somebody reads the rendition.
func (r *Rendition) MarkRead() { r.read.Store(true) }

// Read reports whether anybody has ever read the rendition: one that is made on demand need not be made before.
func (r *Rendition) Read() bool { return r.read.Load() }

// Next waits for the next unit. After the last one of a stream that is over it returns the reason it was closed with,
// io.EOF for the normal end.
func (rd *Reader) Next(ctx context.Context) (Item, error) {
	for {
		item, wait, err := rd.Poll()
		if wait == nil {
			return item, err
		}
		select {
		case <-ctx.Done():
			return Item{}, ctx.Err()
		case <-wait:
		}
	}
}

// Poll returns the next unit if there is one. Otherwise wait is a channel that is closed when Poll is worth calling
// again, or err is the reason that the stream is over.
func (rd *Reader) Poll() (item Item, wait <-chan struct{}, err error) {
	r := rd.rendition
	r.mu.Lock()
	defer r.mu.Unlock()
	end := r.first + uint64(len(r.items))
	skipped := false
	switch {
	case !rd.started:
		var ok bool
		if rd.next, ok = r.startAt(rd.start); !ok {
			return r.nothing()
		}
		rd.started = true
	case rd.next < r.first && !r.haveKey: // a single GOP larger than what is kept: the next key unit, when it comes
		return r.nothing()
	case rd.next < r.first:
		rd.next, skipped = r.newKey, true
		r.hub.cfg.Metrics.skips.Inc()
	}
	if rd.next >= end {
		return r.nothing()
	}
	item = r.items[rd.next-r.first]
	item.Skipped = skipped
	rd.next++
	return item, nil, nil
}

func (r *Rendition) startAt(start Start) (uint64, bool) {
	if !r.haveKey || start == StartNewestKey {
		return r.newKey, r.haveKey
	}
	for i, item := range r.items {
		if r.key(item.Unit) {
			return r.first + uint64(i), true
		}
	}
	return 0, false
}

func (r *Rendition) nothing() (Item, <-chan struct{}, error) {
	if r.ended != nil {
		return Item{}, nil, r.ended
	}
	return Item{}, r.wake, nil
}

// Over reports whether nothing more comes of the rendition. Readers still drain what was published.
func (r *Rendition) Over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended != nil
}

// Newest is the newest unit of the rendition; nil before the first.
func (r *Rendition) Newest() *media.Unit {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.items) == 0 {
		return nil
	}
	return r.items[len(r.items)-1].Unit
}
