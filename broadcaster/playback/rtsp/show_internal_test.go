package rtsp

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestUnused: a show goes on for as long as idle from when it was last asked for, and takes no players after its end.
func TestUnused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &show{joins: make(chan *viewer), asked: make(chan struct{}, 1), over: make(chan struct{})}
		var viewers sync.WaitGroup
		began := time.Now()
		go s.take(t.Context(), nil, &viewers)
		for range 3 {
			<-time.After(idle - time.Second)
			s.use()
			synctest.Wait()
		}
		<-s.over
		if took, want := time.Since(began), 3*(idle-time.Second)+idle; took != want {
			t.Errorf("it ended after %v, expected was %v", took, want)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &show{joins: make(chan *viewer), asked: make(chan struct{}, 1), over: make(chan struct{})}
		s.players.Add(1)
		ended := make(chan struct{})
		result := make(chan bool, 1)
		var viewers sync.WaitGroup
		go func() { result <- s.take(t.Context(), ended, &viewers) }()
		<-time.After(10 * idle)
		close(ended)
		<-s.over
		if !<-result {
			t.Error("it does not say that it came to its end")
		}
	})
}
