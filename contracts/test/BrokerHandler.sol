// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Reserves} from "../src/Reserves.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {Asserts, Cheats} from "./BrokerFixture.sol";
import {MerkleSum} from "./MerkleSum.sol";
import {StakingMock} from "./mocks/StakingMock.sol";

/// Random but sensible actions of three senders and eight recipients over many periods, and what a model remembers of them.
contract BrokerHandler is Asserts {
    Cheats private constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 private constant RECIPIENTS = 8;

    TicketBroker public immutable broker;
    StakingMock public immutable staking;

    uint64 private immutable _genesis;
    uint64 private immutable _roundLength;
    uint64 private immutable _ticketValidity;
    uint64 private immutable _periodRounds;

    uint256[3] private _keys = [uint256(0xB0B), 0xB0C, 0xB0D];
    address[3] private _senders;
    TicketBroker.Redemption[] private _tickets;
    mapping(uint256 ticket => uint256) private _paid;
    mapping(address sender => mapping(uint64 period => mapping(address recipient => uint256))) private _allocated;
    mapping(address sender => mapping(uint64 period => mapping(address recipient => uint256))) private _seen;

    uint256 public paidIn;
    uint256 public paidOut;
    uint256 public claims; // redemptions that the reserve took part in
    uint256 public refused; // calls that reverted

    constructor(TicketBroker broker_, StakingMock staking_) {
        broker = broker_;
        staking = staking_;
        _genesis = broker_.genesis();
        _roundLength = broker_.roundLength();
        _ticketValidity = broker_.ticketValidity();
        _periodRounds = broker_.periodRounds();
        for (uint256 i = 0; i < 3; ++i) {
            _senders[i] = vm.addr(_keys[i]);
        }
        for (uint256 i = 0; i < RECIPIENTS; ++i) {
            if (i < 5) staking_.join(recipient(i), 0);
        }
    }

    function sender(uint256 i) public view returns (address) {
        return _senders[i % 3];
    }

    function recipient(uint256 i) public pure returns (address) {
        return address(uint160(0xA000 + i % RECIPIENTS));
    }

    function ticketCount() external view returns (uint256) {
        return _tickets.length;
    }

    /// Who signed a ticket, and for whom. Its number is its nonce.
    function parties(uint256 ticket) external view returns (address from, address to) {
        TicketBroker.Ticket storage t = _tickets[ticket].ticket;
        return (t.sender, t.recipient);
    }

    // ---------------------------------------------------------------- actions

    function fund(uint256 who, uint96 deposit, uint96 reserve) external {
        deposit %= 2 ether; // so small that reserves are needed
        reserve = uint96(1 + reserve % 50 ether);
        vm.deal(sender(who), uint256(deposit) + reserve);
        vm.prank(sender(who));
        broker.fund{value: uint256(deposit) + reserve}(deposit, reserve);
        paidIn += uint256(deposit) + reserve;
    }

    function enrol(uint256 whom, bool ahead) external {
        uint64 round = broker.currentRound() + (ahead ? _periodRounds : 0);
        try broker.enrol(round, recipient(whom)) {}
        catch {
            ++refused;
        }
    }

    function joinOrLeave(uint256 whom) external {
        address r = recipient(whom);
        if (staking.activeFrom(r) == 0) staking.join(r, broker.currentRound() + 1);
        else staking.retire(r);
    }

    /// Allocates up to what is free, now and then more, to three recipients; proves none or some of the leaves.
    function allocate(uint256 who, bool next, uint256 seed, uint96 extra) external {
        address from = sender(who);
        uint64 period = broker.currentPeriod() + (next ? 1 : 0);
        uint256 free = broker.freeReserve(from);
        if (free == 0) return;
        MerkleSum.Leaf[] memory leaves = new MerkleSum.Leaf[](3);
        for (uint256 i = 0; i < 3; ++i) {
            leaves[i] = MerkleSum.Leaf(recipient(seed % 8 + i), uint96((free / 3) >> (seed >> (8 * i)) % 3));
        }
        (bytes32 root, uint256 sum) = MerkleSum.root(leaves);
        uint256 value = extra % 3 == 0 ? extra % 1 ether : 0;
        vm.deal(from, value);
        (,, uint256 index) = broker.budgetOf(from, period);
        vm.prank(from);
        try broker.allocate{value: value}(period, root, sum) {
            paidIn += value;
            for (uint256 i = 0; i < 3; ++i) {
                _allocated[from][period][leaves[i].recipient] += leaves[i].amount;
                (uint256 position, Reserves.Sibling[] memory path) = MerkleSum.path(leaves, i);
                broker.allot(from, period, index, leaves[i].recipient, leaves[i].amount, position, path);
            }
        } catch {
            ++refused;
        }
    }

    function unlock(uint256 who) external {
        vm.prank(sender(who));
        try broker.unlock() {}
        catch {
            ++refused;
        }
    }

    function cancelUnlock(uint256 who) external {
        vm.prank(sender(who));
        try broker.cancelUnlock() {}
        catch {
            ++refused;
        }
    }

    function withdraw(uint256 who) external {
        address from = sender(who);
        vm.deal(from, 0);
        vm.prank(from);
        try broker.withdraw() {
            paidOut += from.balance;
        } catch {
            ++refused;
        }
    }

    function sweep(uint256 whom) external {
        staking.setBroken(whom % 7 == 0);
        paidOut += broker.sweep(recipient(whom));
        staking.setBroken(false);
    }

    /// Signs a ticket for this round or an earlier one; it is redeemed now or later.
    function sign(uint256 who, uint256 whom, uint96 amount, uint64 back) external {
        TicketBroker.Ticket memory t;
        uint64 round = broker.currentRound();
        t.round = round - (back % 50 > round ? 0 : back % 50);
        t.sender = sender(who);
        t.recipient = recipient(whom);
        t.fee = 1 + amount % 20 ether;
        t.faceValue = t.fee;
        t.randHash = keccak256(abi.encode(bytes32(0)));
        t.nonce = uint64(_tickets.length);
        t.receiptHash = keccak256(abi.encode(t.nonce));
        t.expiry = _genesis + (t.round + 1) * _roundLength + _ticketValidity;
        TicketBroker.Redemption storage item = _tickets.push();
        item.ticket = t;
        (item.v, item.r, item.s) = vm.sign(_keys[who % 3], broker.ticketHash(t));
        _redeem(_tickets.length - 1);
    }

    function redeemAgain(uint256 which) external {
        if (_tickets.length != 0) _redeem(which % _tickets.length);
    }

    function redeemBatch(uint256 from, uint8 count) external {
        if (_tickets.length == 0) return;
        TicketBroker.Redemption[] memory items = new TicketBroker.Redemption[](count % 8);
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = _tickets[(from % _tickets.length + i) % _tickets.length];
        }
        TicketBroker.Outcome[] memory outcomes = broker.batchRedeem(items);
        for (uint256 i = 0; i < items.length; ++i) {
            _count((from % _tickets.length + i) % _tickets.length, outcomes[i].paid, outcomes[i].fromReserve);
        }
    }

    function pass(uint32 time) external {
        vm.warp(block.timestamp + 1 + time % 30 hours);
    }

    function _redeem(uint256 i) private {
        TicketBroker.Redemption memory item = _tickets[i];
        (, uint256 before,) = broker.senderInfo(item.ticket.sender);
        try broker.redeem(item.ticket, item.v, item.r, item.s, bytes32(0), 0) returns (uint256 paid) {
            (, uint256 left,) = broker.senderInfo(item.ticket.sender);
            _count(i, paid, before - left);
        } catch {
            ++refused;
        }
    }

    function _count(uint256 i, uint256 paid, uint256 fromReserve) private {
        _paid[i] += paid;
        if (fromReserve != 0) ++claims;
        ok(_paid[i] <= _tickets[i].ticket.fee, "nothing is paid twice");
    }

    // ---------------------------------------------------------------- what must hold

    /// What a sender's reserve promises for tickets of a period, and was not claimed.
    function promised(address from, uint64 period) public view returns (uint256 sum) {
        for (uint256 i = 0; i < RECIPIENTS; ++i) {
            address to = recipient(i);
            (uint256 share, uint256 claimed) = broker.reserveShare(from, to, period * _periodRounds);
            if (share != 0) sum += share - claimed;
        }
    }

    /// Budgets and shares that were promised are still promised.
    function checkPromises() external {
        uint64 current = broker.currentPeriod();
        for (uint64 period = current == 0 ? 0 : current - 1; period <= current; ++period) {
            uint64 end = _genesis + (period + 1) * _periodRounds * _roundLength;
            if (block.timestamp > end + _ticketValidity) continue;
            for (uint256 s = 0; s < 3; ++s) {
                for (uint256 i = 0; i < RECIPIENTS; ++i) {
                    address to = recipient(i);
                    (uint256 share,) = broker.reserveShare(sender(s), to, period * _periodRounds);
                    ok(share >= _seen[sender(s)][period][to], "a promise is never lowered");
                    _seen[sender(s)][period][to] = share;
                    (,, uint256 roots) = broker.budgetOf(sender(s), period);
                    if (roots != 0) eq(share, _allocated[sender(s)][period][to]);
                }
            }
        }
    }

    /// Claims everything that is promised, the last recipient first: each gets all of it.
    function claimEverything() external {
        uint64 current = broker.currentPeriod();
        for (uint256 s = 0; s < 3; ++s) {
            (uint256 deposit,,) = broker.senderInfo(sender(s));
            if (deposit != 0) _claim(s, address(0xDEAD), deposit, current * _periodRounds);
            for (uint256 n = RECIPIENTS; n > 0; --n) {
                uint256 i = n - 1;
                for (uint64 period = current == 0 ? 0 : current - 1; period <= current; ++period) {
                    // The last round of a period that has begun: its tickets live longest.
                    uint64 round = (period + 1) * _periodRounds - 1;
                    if (round > broker.currentRound()) round = broker.currentRound();
                    (uint256 share, uint256 claimed) = broker.reserveShare(sender(s), recipient(i), round);
                    if (share > claimed) _claim(s, recipient(i), share - claimed, round);
                }
            }
        }
    }

    function _claim(uint256 s, address to, uint256 amount, uint64 round) private {
        TicketBroker.Redemption memory item;
        item.ticket.sender = sender(s);
        item.ticket.recipient = to;
        item.ticket.fee = amount;
        item.ticket.randHash = keccak256(abi.encode(bytes32(0)));
        item.ticket.lane = 1;
        item.ticket.nonce = round;
        item.ticket.round = round;
        item.ticket.expiry = _genesis + (round + 1) * _roundLength + _ticketValidity;
        (item.v, item.r, item.s) = vm.sign(_keys[s], broker.ticketHash(item.ticket));
        eq(broker.redeem(item.ticket, item.v, item.r, item.s, bytes32(0), amount), amount);
    }
}
