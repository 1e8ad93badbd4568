package payments

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "castnet", Subsystem: "payments", Name: name, Help: help})
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "castnet", Subsystem: "payments", Name: name, Help: help})
}

func register(r prometheus.Registerer, cs ...prometheus.Collector) error {
	var errs []error
	for _, c := range cs {
		errs = append(errs, r.Register(c))
	}
	return errors.Join(errs...)
}

type senderMetrics struct {
	sent, refused, fees prometheus.Counter
	deposit             prometheus.Gauge
}

func newSenderMetrics(r prometheus.Registerer) (senderMetrics, error) {
	m := senderMetrics{
		sent:    counter("tickets_sent_total", "Tickets signed and stored."),
		refused: counter("tickets_refused_total", "Receipts that the sender's limits or funds did not let it pay."),
		fees:    counter("fees_sent_wei_total", "Fees of the tickets sent, in wei."),
		deposit: gauge("deposit_wei", "The sender's deposit on the chain, in wei."),
	}
	return m, register(r, m.sent, m.refused, m.fees, m.deposit)
}

type recipientMetrics struct {
	billed, received, refused, won, writtenOff, fees prometheus.Counter
	openEpochs                                       prometheus.Gauge
}

func newRecipientMetrics(r prometheus.Registerer) (recipientMetrics, error) {
	m := recipientMetrics{
		billed:     counter("receipts_billed_total", "Receipts issued that ask for a ticket."),
		received:   counter("tickets_received_total", "Valid tickets received."),
		refused:    counter("tickets_invalid_total", "Tickets that did not answer a receipt validly."),
		won:        counter("tickets_won_total", "Tickets that won their draw, or paid for certain."),
		writtenOff: counter("receipts_written_off_total", "Receipts that were not paid before their deadline."),
		fees:       counter("fees_received_wei_total", "Fees of the tickets received, in wei."),
		openEpochs: gauge("open_epochs", "Rand epochs that are not closed."),
	}
	return m, register(r, m.billed, m.received, m.refused, m.won, m.writtenOff, m.fees, m.openEpochs)
}

type redeemerMetrics struct {
	redeemed, lost, failures, paid, gas prometheus.Counter
	queue, nearExpiry                   prometheus.Gauge
}

func newRedeemerMetrics(r prometheus.Registerer) (redeemerMetrics, error) {
	m := redeemerMetrics{
		redeemed:   counter("winners_redeemed_total", "Winners that the chain paid."),
		lost:       counter("winners_lost_total", "Winners that can never be redeemed."),
		failures:   counter("redemption_failures_total", "Attempts at a batch of winners that failed."),
		paid:       counter("redeemed_wei_total", "What the chain paid for winners, in wei."),
		gas:        counter("redemption_gas_wei_total", "What the transactions cost that redeem winners, in wei."),
		queue:      gauge("redemption_queue", "Winners of closed epochs that wait to be redeemed."),
		nearExpiry: gauge("redemption_near_expiry", "Queued winners that expire within the warning time."),
	}
	return m, register(r, m.redeemed, m.lost, m.failures, m.paid, m.gas, m.queue, m.nearExpiry)
}
