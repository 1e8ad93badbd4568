// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Disputes} from "../src/Disputes.sol";
import {IEvidence} from "../src/interfaces/IEvidence.sol";
import {Receipts} from "../src/evidence/Receipts.sol";
import {TwoReceipts} from "../src/evidence/TwoReceipts.sol";
import {WrongSums} from "../src/evidence/WrongSums.sol";
import {Cheats} from "./BrokerFixture.sol";
import {DisputesFixture} from "./DisputesFixture.sol";

/// The state of Disputes as somebody knows it who has only seen its events, and when they happened.
contract DisputesMirror {
    struct Commitment {
        uint256 bond;
        uint64 since;
    }

    uint64 private immutable _periodRounds;

    Disputes.Terms private _terms;
    mapping(uint256 kind => Disputes.Kind) private _kinds;
    mapping(address challenger => mapping(bytes32 commitment => Commitment)) public commitments;
    mapping(uint256 kind => mapping(bytes32 lease => bool)) public punished;
    mapping(address orchestrator => mapping(uint64 period => uint256 ppm)) public penalties;
    uint256 public bonds; // wei in open commitments

    constructor(uint64 periodRounds) {
        _periodRounds = periodRounds;
    }

    function apply_(Cheats.Log calldata log) external {
        bytes32 what = log.topics[0];
        if (what == Disputes.TermsSet.selector) {
            _terms = abi.decode(log.data, (Disputes.Terms));
        } else if (what == Disputes.KindSet.selector) {
            (IEvidence checker, uint32 slashPpm, uint64 jailRounds) = abi.decode(log.data, (IEvidence, uint32, uint64));
            _kinds[uint256(log.topics[1])] = Disputes.Kind(checker, slashPpm, jailRounds);
        } else if (what == Disputes.Committed.selector) {
            uint256 bond = abi.decode(log.data, (uint256));
            commitments[_account(log.topics[1])][log.topics[2]] = Commitment(bond, uint64(block.timestamp));
            bonds += bond;
        } else if (what == Disputes.Punished.selector) {
            (uint256 kind, bytes32 lease, bytes32 commitment, uint64 round, uint32 ppm) =
                abi.decode(log.data, (uint256, bytes32, bytes32, uint64, uint32));
            punished[kind][lease] = true;
            penalties[_account(log.topics[1])][round / _periodRounds] += ppm;
            _close(_account(log.topics[2]), commitment);
        } else if (what == Disputes.Forfeited.selector) {
            _close(_account(log.topics[1]), log.topics[2]);
        }
    }

    function terms() external view returns (Disputes.Terms memory) {
        return _terms;
    }

    function kindInfo(uint256 kind) external view returns (Disputes.Kind memory) {
        return _kinds[kind];
    }

    function _close(address challenger, bytes32 commitment) private {
        bonds -= commitments[challenger][commitment].bond;
        delete commitments[challenger][commitment];
    }

    function _account(bytes32 topic) private pure returns (address) {
        return address(uint160(uint256(topic)));
    }
}

/// All of the state of Disputes follows from its events.
contract DisputesEventsTest is DisputesFixture {
    using Receipts for Receipts.Lease;
    using Receipts for Receipts.Source;

    uint256 private constant ACTIONS = 40;
    uint256 private constant CHALLENGERS = 2;
    uint256 private constant LEASES = 2;
    uint256 private constant SALTS = 2;

    DisputesMirror private _mirror;
    bytes[LEASES][3] private _evidence; // by kind
    bytes32[LEASES] private _leases;
    bytes32[SALTS][LEASES][3] private _commitments; // every challenger's: whose one is must follow from the event

    function setUp() public override {
        vm.recordLogs();
        super.setUp();
        _mirror = new DisputesMirror(broker.periodRounds());
        for (uint64 lane = 0; lane < LEASES; ++lane) {
            _prepare(lane);
        }
        for (uint256 i = 0; i < CHALLENGERS; ++i) {
            vm.deal(_challenger(i), 1000 ether);
        }
    }

    /// forge-config: default.fuzz.runs = 24
    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_stateFollowsFromEvents(uint256 seed) public {
        for (uint256 i = 0; i < ACTIONS; ++i) {
            _see();
            if (!_act(uint256(keccak256(abi.encode(seed, i))))) vm.getRecordedLogs(); // what a revert took back
        }
        _see();
        _compare();
        eq(_mirror.bonds(), address(disputes).balance);
    }

    /// Every way in and out of a commitment, so that the comparison above cannot be one of nothing with nothing.
    function test_everyWay() public {
        bytes32 first = _commitments[TWO_RECEIPTS][0][0];
        ok(_commitTo(first, 0) && _commitTo(first, 1), "committed");
        vm.warp(block.timestamp + DELAY);
        ok(_reveal(0, TWO_RECEIPTS, 0, 0), "revealed");
        vm.warp(block.timestamp + WINDOW);
        ok(_forfeit(1, first), "forfeited");
        _see();
        ok(_mirror.punished(TWO_RECEIPTS, _leases[0]), "punished");
        eq(_mirror.penalties(orchestrator, 0), 50_000);
        ok(_commitTo(first, 1), "committed again");
        _see();
        eq(_mirror.bonds(), BOND);
        _compare();
    }

    // ---------------------------------------------------------------- what happens

    function _act(uint256 r) private returns (bool done) {
        uint256 action = r % 16;
        uint256 who = (r >> 8) % CHALLENGERS;
        uint256 kind = 1 + (r >> 16) % 2;
        uint256 lease = (r >> 24) % LEASES;
        uint256 salt = (r >> 32) % SALTS;
        bytes32 commitment = _commitments[kind][lease][salt];
        if (action < 5) return _commitTo(commitment, who);
        if (action < 10) return _reveal(who, kind, lease, salt);
        if (action == 10) return _forfeit(who, commitment);
        if (action == 11) {
            Disputes.Terms memory t = _terms();
            (t.bond, t.revealDelay) = (uint96(BOND + (r >> 64) % BOND), uint64(1 + (r >> 128) % DELAY));
            t.periodPpm = uint32(1 + (r >> 192) % 200_000);
            disputes.setTerms(t);
        } else if (action == 12) {
            disputes.setKind(kind, Disputes.Kind(_checker(kind), uint32((r >> 64) % 100_000), uint64(r >> 128) % 100));
        } else {
            vm.warp(block.timestamp + (r >> 64) % (action == 13 ? WINDOW : 2 * DELAY));
        }
        return true;
    }

    function _commitTo(bytes32 commitment, uint256 who) private returns (bool) {
        uint256 bond = disputes.terms().bond;
        vm.prank(_challenger(who));
        try disputes.commit{value: bond}(commitment) {
            return true;
        } catch {
            return false;
        }
    }

    function _reveal(uint256 who, uint256 kind, uint256 lease, uint256 salt) private returns (bool) {
        vm.prank(_challenger(who));
        try disputes.reveal(kind, _evidence[kind][lease], bytes32(salt)) {
            return true;
        } catch {
            return false;
        }
    }

    function _forfeit(uint256 who, bytes32 commitment) private returns (bool) {
        try disputes.forfeit(_challenger(who), commitment) {
            return true;
        } catch {
            return false;
        }
    }

    /// Shows the mirror what was emitted since the last time.
    function _see() private {
        Cheats.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(disputes)) _mirror.apply_(logs[i]);
        }
    }

    // ---------------------------------------------------------------- what it comes to

    function _compare() private view {
        eq(keccak256(abi.encode(_mirror.terms())), keccak256(abi.encode(disputes.terms())));
        eq(_mirror.penalties(orchestrator, 0), disputes.penaltyOf(orchestrator, 0));
        eq(disputes.penaltyOf(orchestrator, broker.periodRounds()), 0); // their lease is of round 0
        for (uint256 kind = 1; kind < 3; ++kind) {
            eq(keccak256(abi.encode(_mirror.kindInfo(kind))), keccak256(abi.encode(disputes.kindInfo(kind))));
            for (uint256 lease = 0; lease < LEASES; ++lease) {
                bool saw = _mirror.punished(kind, _leases[lease]);
                ok(saw == disputes.isPunished(kind, _leases[lease]), "punished");
                for (uint256 i = 0; i < CHALLENGERS * SALTS; ++i) {
                    _compareCommitment(i / SALTS, kind, lease, i % SALTS);
                }
            }
        }
    }

    function _compareCommitment(uint256 who, uint256 kind, uint256 lease, uint256 salt) private view {
        bytes32 commitment = _commitments[kind][lease][salt];
        (uint256 bond, uint64 since) = disputes.commitmentInfo(_challenger(who), commitment);
        (uint256 sawBond, uint64 sawSince) = _mirror.commitments(_challenger(who), commitment);
        eq(sawBond, bond);
        eq(sawSince, since);
    }

    // ---------------------------------------------------------------- challengers and evidence

    function _challenger(uint256 who) private pure returns (address) {
        return address(uint160(0xC4A100 + who));
    }

    function _checker(uint256 kind) private view returns (IEvidence) {
        return kind == TWO_RECEIPTS ? IEvidence(twoReceipts) : IEvidence(wrongSums);
    }

    /// Evidence of both kinds under a lease of its own.
    function _prepare(uint64 lane) private {
        TwoReceipts.Evidence memory two = _two();
        two.lease.lane = lane;
        _leases[lane] = two.lease.hash();
        two.first.receipt.lease = _leases[lane];
        two.second.receipt.lease = _leases[lane];
        two.first = _signReceipt(OPERATOR_KEY, two.first.receipt);
        two.second = _signReceipt(OPERATOR_KEY, two.second.receipt);
        _evidence[TWO_RECEIPTS][lane] = abi.encode(two);

        WrongSums.Evidence memory wrong = _overcharged();
        wrong.lease.lane = lane;
        wrong.source.lease = _leases[lane];
        wrong.receipt.receipt.lease = _leases[lane];
        wrong.receipt.receipt.source = wrong.source.hash();
        wrong.receipt = _signReceipt(OPERATOR_KEY, wrong.receipt.receipt);
        _evidence[WRONG_SUMS][lane] = abi.encode(wrong);

        for (uint256 i = 0; i < 2 * SALTS; ++i) {
            (uint256 kind, uint256 salt) = (1 + i / SALTS, i % SALTS);
            _commitments[kind][lane][salt] = disputes.commitmentOf(kind, _evidence[kind][lane], bytes32(salt));
        }
    }
}
