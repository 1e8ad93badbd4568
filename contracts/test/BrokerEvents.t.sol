// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Reserves} from "../src/Reserves.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {Asserts, Cheats} from "./BrokerFixture.sol";
import {BrokerHandler} from "./BrokerHandler.sol";
import {ClockMock} from "./mocks/ClockMock.sol";
import {StakingMock} from "./mocks/StakingMock.sol";

/// A broker that tells of many nonces in one call: a call for each would be nearly all that the test below does.
contract OpenBroker is TicketBroker {
    constructor(StakingMock staking, ClockMock clock) TicketBroker(staking, clock, 1 days, 3 days) {}

    /// One bit for each of the first nonces of lane 0 whose ticket was paid in full.
    function usedNonces(address sender, address recipient, uint256 count) external view returns (uint256 bits) {
        for (uint64 nonce = 0; nonce < count; ++nonce) {
            if (isUsed(sender, recipient, 0, nonce)) bits |= 1 << nonce;
        }
    }
}

/// The broker's state as somebody knows it who has only seen its events.
contract BrokerMirror {
    struct Funds {
        uint256 deposit;
        uint256 reserve;
        uint64 unlockAt;
    }

    struct Budget {
        uint256 total;
        uint256 spent;
        uint256 roots;
    }

    struct Claim {
        uint256 spent;
        uint256 allotted;
        uint64 roots;
    }

    uint64 private immutable _periodRounds;

    mapping(address sender => Funds) public funds;
    mapping(address sender => mapping(uint64 period => Budget)) public budgets;
    mapping(address sender => mapping(uint64 period => mapping(address recipient => Claim))) public claims;
    mapping(uint64 period => mapping(address recipient => uint256)) public fractionOf;
    mapping(uint64 period => uint256) public fractionsGiven;
    mapping(address recipient => uint256) public owed;
    mapping(address sender => mapping(address recipient => uint256)) public usedNonces; // a bit each, as OpenBroker has them
    mapping(address sender => mapping(address recipient => mapping(uint64 nonce => uint256))) public partPaid;
    mapping(address sender => mapping(address signer => uint64)) public signerUntil;
    mapping(address recipient => address) public relayerOf;

    error UnknownEvent(bytes32 topic);
    error UnknownLane(uint64 lane);

    constructor(uint64 periodRounds) {
        _periodRounds = periodRounds;
    }

    function apply_(Cheats.Log calldata log) external {
        bytes32 what = log.topics[0];
        if (what == TicketBroker.WinningTicketRedeemed.selector) return _redeemed(log);
        if (what == TicketBroker.TicketSkipped.selector || what == TicketBroker.SweepFailed.selector) return;
        address who = address(uint160(uint256(log.topics[1])));
        if (what == Reserves.Funded.selector) {
            (uint256 deposit, uint256 reserve) = abi.decode(log.data, (uint256, uint256));
            funds[who] = Funds(deposit, reserve, 0);
        } else if (what == Reserves.Unlocking.selector) {
            funds[who].unlockAt = abi.decode(log.data, (uint64));
        } else if (what == Reserves.UnlockCancelled.selector) {
            funds[who].unlockAt = 0;
        } else if (what == Reserves.Withdrawn.selector) {
            delete funds[who];
        } else if (what == TicketBroker.SignerSet.selector) {
            signerUntil[who][address(uint160(uint256(log.topics[2])))] = abi.decode(log.data, (uint64));
        } else if (what == TicketBroker.RelayerSet.selector) {
            relayerOf[who] = address(uint160(uint256(log.topics[2])));
        } else if (what == TicketBroker.Swept.selector) {
            owed[who] -= abi.decode(log.data, (uint256));
        } else {
            _promised(log);
        }
    }

    function _promised(Cheats.Log calldata log) private {
        bytes32 what = log.topics[0];
        address who = address(uint160(uint256(log.topics[1])));
        uint64 period = uint64(uint256(log.topics[what == Reserves.Allotted.selector ? 3 : 2]));
        if (what == Reserves.Enrolled.selector) {
            uint256 fraction = abi.decode(log.data, (uint256));
            period = uint64(uint256(log.topics[1]));
            fractionOf[period][address(uint160(uint256(log.topics[2])))] = fraction;
            fractionsGiven[period] += fraction;
        } else if (what == Reserves.BudgetSet.selector) {
            budgets[who][period].total = abi.decode(log.data, (uint256));
        } else if (what == Reserves.Allocated.selector) {
            (uint256 index,, uint256 sum) = abi.decode(log.data, (uint256, bytes32, uint256));
            budgets[who][period].total += sum;
            budgets[who][period].roots = index + 1;
        } else if (what == Reserves.Allotted.selector) {
            (uint256 index, uint256 amount) = abi.decode(log.data, (uint256, uint256));
            Claim storage claim = claims[who][period][address(uint160(uint256(log.topics[2])))];
            claim.allotted += amount;
            claim.roots |= uint64(1 << index);
        } else {
            revert UnknownEvent(what);
        }
    }

    function _redeemed(Cheats.Log calldata log) private {
        address sender = address(uint160(uint256(log.topics[1])));
        address recipient = address(uint160(uint256(log.topics[2])));
        (, uint256 paid, uint256 fromReserve, uint256 left, uint64 lane, uint64 nonce, uint64 round) =
            abi.decode(log.data, (uint256, uint256, uint256, uint256, uint64, uint64, uint64));
        if (lane != 0) revert UnknownLane(lane);
        if (left == 0) usedNonces[sender][recipient] |= 1 << nonce;
        partPaid[sender][recipient][nonce] = left == 0 ? 0 : partPaid[sender][recipient][nonce] + paid;
        owed[recipient] += paid;
        funds[sender].deposit -= paid - fromReserve;
        funds[sender].reserve -= fromReserve;
        budgets[sender][round / _periodRounds].spent += fromReserve;
        claims[sender][round / _periodRounds][recipient].spent += fromReserve;
    }
}

/// All of the broker's state follows from its events.
contract BrokerEventsTest is Asserts {
    Cheats private constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 private constant ACTIONS = 80;

    OpenBroker private _broker;
    BrokerHandler private _handler;
    BrokerMirror private _mirror;

    function setUp() public {
        vm.warp(1_800_000_000);
        vm.recordLogs();
        StakingMock staking = new StakingMock();
        _broker = new OpenBroker(staking, new ClockMock(1 hours));
        _handler = new BrokerHandler(_broker, staking);
        _mirror = new BrokerMirror(_broker.periodRounds());
        for (uint256 i = 0; i < 3; ++i) {
            _handler.fund(i, 1 ether, 40 ether);
        }
    }

    /// forge-config: default.fuzz.runs = 24
    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_stateFollowsFromEvents(uint256 seed) public {
        _keys();
        for (uint256 i = 0; i < ACTIONS; ++i) {
            _see(false);
            uint256 refused = _handler.refused();
            _act(uint256(keccak256(abi.encode(seed, i))));
            _see(_handler.refused() != refused);
        }
        for (uint256 i = 0; i < 3; ++i) {
            _handler.fund(i, 0, 0); // writes down the budgets that have begun since
        }
        _see(false);
        for (uint256 i = 0; i < 3; ++i) {
            _compareSender(_handler.sender(i));
        }
        for (uint256 i = 0; i < 8; ++i) {
            eq(_mirror.owed(_handler.recipient(i)), _broker.owed(_handler.recipient(i)));
        }
        _compareFractions();
        _comparePartsPaid();
        _compareKeys();
    }

    /// Shows the mirror what was emitted since the last time. Forge also records events of calls that reverted: those are none.
    function _see(bool reverted) private {
        Cheats.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length && !reverted; ++i) {
            if (logs[i].emitter == address(_broker)) _mirror.apply_(logs[i]);
        }
    }

    /// Tickets are half of what happens.
    function _act(uint256 r) private {
        uint256 a = r >> 8;
        uint96 b = uint96(r >> 16);
        uint256 action = r % 24;
        if (action < 9) _handler.sign(a, a >> 2, b, uint64(r >> 128));
        else if (action < 11) _handler.redeemAgain(a);
        else if (action == 11) _handler.redeemBatch(a, uint8(b));
        else if (action == 12) _handler.fund(a, b, uint96(r >> 128));
        else if (action < 15) _handler.enrol(a, r >> 255 == 0);
        else if (action == 15) _handler.joinOrLeave(a);
        else if (action < 18) _handler.allocate(a, r >> 255 == 0, a, b);
        else if (action == 18) _handler.unlock(a);
        else if (action == 19) _handler.cancelUnlock(a);
        else if (action == 20) _handler.withdraw(a);
        else if (action == 21) _handler.sweep(a);
        else _handler.pass(uint32(b));
    }

    function _keys() private {
        vm.startPrank(_handler.sender(0));
        _broker.authoriseSigner(address(0x51));
        _broker.authoriseSigner(address(0x52));
        _broker.revokeSigner(address(0x52));
        vm.stopPrank();
        vm.startPrank(address(0xF00));
        _broker.setRelayer(address(0xF01));
        _broker.setRelayer(address(0xF02));
        vm.stopPrank();
    }

    function _compareKeys() private view {
        address sender = _handler.sender(0);
        eq(_mirror.signerUntil(sender, address(0x51)), type(uint64).max);
        eq(_mirror.signerUntil(sender, address(0x52)), _broker.signerUntil(sender, address(0x52)));
        eq(_mirror.relayerOf(address(0xF00)), _broker.relayerOf(address(0xF00)));
    }

    function _compareSender(address sender) private view {
        (uint256 deposit, uint256 reserve, uint64 unlockAt) = _broker.senderInfo(sender);
        (uint256 sawDeposit, uint256 sawReserve, uint64 sawUnlockAt) = _mirror.funds(sender);
        eq(sawDeposit, deposit);
        eq(sawReserve, reserve);
        eq(sawUnlockAt, unlockAt);
        for (uint64 period = 0; period <= _broker.currentPeriod() + 1; ++period) {
            _compareBudget(sender, period);
            for (uint256 i = 0; i < 8; ++i) {
                _compareClaim(sender, period, _handler.recipient(i));
            }
        }
        for (uint256 i = 0; i < 8; ++i) {
            address recipient = _handler.recipient(i);
            eq(_mirror.usedNonces(sender, recipient), _broker.usedNonces(sender, recipient, 256));
        }
    }

    function _compareBudget(address sender, uint64 period) private view {
        (uint256 total, uint256 spent, uint256 roots) = _broker.budgetOf(sender, period);
        (uint256 sawTotal, uint256 sawSpent, uint256 sawRoots) = _mirror.budgets(sender, period);
        eq(sawTotal, total);
        eq(sawSpent, spent);
        eq(sawRoots, roots);
    }

    function _compareClaim(address sender, uint64 period, address recipient) private view {
        (uint256 amount, uint64 roots) = _broker.allotmentOf(sender, recipient, period);
        (, uint256 claimed) = _broker.reserveShare(sender, recipient, period * _broker.periodRounds());
        (uint256 sawClaimed, uint256 sawAmount, uint64 sawRoots) = _mirror.claims(sender, period, recipient);
        eq(sawAmount, amount);
        eq(sawRoots, roots);
        eq(sawClaimed, claimed);
    }

    function _compareFractions() private view {
        for (uint64 period = 0; period <= _broker.currentPeriod() + 1; ++period) {
            eq(_mirror.fractionsGiven(period), _broker.fractionsGiven(period));
            for (uint256 i = 0; i < 8; ++i) {
                address recipient = _handler.recipient(i);
                eq(_mirror.fractionOf(period, recipient), _broker.fractionOf(period, recipient));
            }
        }
    }

    /// A nonce is a ticket's number: no other sender or recipient has one of it.
    function _comparePartsPaid() private view {
        for (uint64 nonce = 0; nonce < _handler.ticketCount(); ++nonce) {
            (address sender, address recipient) = _handler.parties(nonce);
            eq(_mirror.partPaid(sender, recipient, nonce), _broker.partPaid(sender, recipient, 0, nonce));
        }
    }
}
