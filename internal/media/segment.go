package media

// Segment is a run of consecutive units of a stream's video, about two seconds long: the unit of payment and
// verification, never of latency. A stream without video is cut by its first track of sound.
type Segment struct {
	// Seq numbers the segments of a stream from 0.
	Seq uint64
	// FirstPTS separates this segment from the ones before it: no picture of it has a lower PTS, no earlier picture
	// one that is equal or higher. At a closed random-access point it is the key picture's PTS.
	FirstPTS int64
	// DecodeFrom is the PTS of the key picture from which a decoder must start to show the segment's first
	// picture. It equals FirstPTS, except where a long GOP was cut.
	DecodeFrom int64
	// Track is the video's parameters (or the sound's, see above), constant within a segment.
	Track *Track
	// Discontinuity says that the stream's timeline has a hole before FirstPTS: nothing was published in between.
	Discontinuity bool
}

// StartsAtKey reports whether the segment begins at a closed random-access point.
func (s *Segment) StartsAtKey() bool { return s.DecodeFrom == s.FirstPTS }
