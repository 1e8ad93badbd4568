// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {IERC1967} from "@openzeppelin/contracts/interfaces/IERC1967.sol";
import {Listing, StakingParameters, StakingState, Unbonding} from "../src/staking/StakingState.sol";
import {Fixture, Vm} from "./Fixture.sol";
import {StakingHandler} from "./StakingHandler.sol";

/// Staking's state out of its events alone: what an indexer does.
contract StakingReplica is StakingState {
    mapping(address orchestrator => address) public operator;
    mapping(address orchestrator => bool) public active;
    mapping(address orchestrator => uint64) public activeFrom;
    mapping(address orchestrator => uint256) public checkpointed;
    mapping(address orchestrator => uint256) public survival;
    address[] private _known;

    error UnknownEvent(bytes32 topic);

    constructor(StakingState s) StakingState(s.token(), s.rounds(), StakingParametersOf.read(s)) {}

    function replay(Vm.Log[] calldata logs, address emitter) external {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == emitter) _apply(logs[i].topics, logs[i].data);
        }
    }

    function _apply(bytes32[] calldata t, bytes calldata data) private {
        bytes32 topic = t[0];
        bool ofTheProxy = topic == IERC1967.Upgraded.selector || topic == Initializable.Initialized.selector
            || topic == IAccessManaged.AuthorityUpdated.selector;
        if (ofTheProxy) return;
        if (topic == EmissionCollected.selector) return _emission(abi.decode(data, (uint256)));
        address o = address(uint160(uint256(t[1])));
        address d = t.length > 2 ? address(uint160(uint256(t[2]))) : address(0);
        if (_registry(topic, o, d, data) || _earnings(topic, o, d, data) || _stake(topic, o, d, data)) return;
        if (topic == Moved.selector) return _moved(o, d, address(uint160(uint256(t[3]))), data);
        if (topic == Slashed.selector) return _slashed(o, data);
        revert UnknownEvent(topic);
    }

    function _emission(uint256 amount) private {
        uint256 sum;
        for (uint256 i = 0; i < _known.length; ++i) {
            if (active[_known[i]]) sum += _pools[_known[i]].stake;
        }
        _clock.emissionPerStake += uint128((amount << 64) / sum);
    }

    function _registry(bytes32 topic, address o, address d, bytes calldata data) private returns (bool) {
        Pool storage p = _pools[o];
        if (topic == Registered.selector) {
            p.registered = true;
            survival[o] = FULL;
            _known.push(o);
        } else if (topic == OperatorSet.selector) {
            operator[o] = d;
        } else if (topic == ServiceURISet.selector) {
            p.serviceURI = abi.decode(data, (string));
        } else if (topic == CapabilitiesSet.selector) {
            p.capabilities = abi.decode(data, (uint256));
        } else if (topic == CutsAnnounced.selector) {
            (p.nextRewardCut, p.nextFeeShare, p.cutsAt) = abi.decode(data, (uint24, uint24, uint64));
        } else if (topic == CutsSet.selector) {
            (p.rewardCut, p.feeShare) = abi.decode(data, (uint24, uint24));
            p.cutsAt = 0;
        } else if (topic == Joined.selector) {
            active[o] = true;
            activeFrom[o] = abi.decode(data, (uint64));
            p.emissionMark = _clock.emissionPerStake;
        } else if (topic == Left.selector) {
            active[o] = false;
        } else if (topic == Jailed.selector) {
            p.jailedUntil = abi.decode(data, (uint64));
        } else {
            return false;
        }
        return true;
    }

    function _earnings(bytes32 topic, address o, address d, bytes calldata data) private returns (bool) {
        Pool storage p = _pools[o];
        if (topic == Rewarded.selector) {
            (uint96 amount, uint96 cut) = abi.decode(data, (uint96, uint96));
            p.stake += amount - cut;
            p.commission += cut;
            p.emissionMark = _clock.emissionPerStake;
        } else if (topic == CommissionClaimed.selector) {
            p.commission = 0;
        } else if (topic == FeesDeposited.selector) {
            (uint256 amount, uint256 shared) = abi.decode(data, (uint256, uint256));
            if (shared != 0) p.feePerShare += uint160((shared << 96) / p.shares);
            p.ownerFees += uint96(amount - shared);
        } else if (topic == FeesClaimed.selector) {
            _positions[o][d].fees = 0;
            _positions[o][d].mark = p.feePerShare;
            if (o == d) p.ownerFees = 0;
        } else if (topic == Checkpointed.selector) {
            checkpointed[o] = p.stake;
        } else {
            return false;
        }
        return true;
    }

    function _stake(bytes32 topic, address o, address d, bytes calldata data) private returns (bool) {
        if (topic == Bonded.selector) {
            (uint256 amount, uint256 shares) = abi.decode(data, (uint256, uint256));
            _buy(o, d, amount, shares);
        } else if (topic == Unbonded.selector) {
            (uint256 id, uint256 amount, uint256 shares, uint256 exitShares, uint64 at) =
                abi.decode(data, (uint256, uint256, uint256, uint256, uint64));
            _sell(o, d, amount, shares);
            Exit storage e = _exit(o, _pools[o], d);
            e.stake += uint128(amount);
            e.shares += uint128(exitShares);
            _lockCount[d] = id + 1;
            _locks[d][id] = Lock(o, at, uint128(exitShares));
        } else if (topic == Rebonded.selector) {
            (uint256 id, uint256 amount, uint256 shares) = abi.decode(data, (uint256, uint256, uint256));
            _unlock(o, d, id, amount);
            _buy(o, d, amount, shares);
        } else if (topic == Withdrawn.selector) {
            (uint256 id, uint256 amount) = abi.decode(data, (uint256, uint256));
            _unlock(o, d, id, amount);
        } else if (topic == MoveSettled.selector) {
            (uint256 amount, uint256 shares, uint256 liable) = abi.decode(data, (uint256, uint256, uint256));
            if (shares != 0) _sell(o, d, amount, shares);
            if (liable == 0) delete _moves[o][d];
            else _moves[o][d].amount = uint96(liable);
        } else {
            return false;
        }
        return true;
    }

    function _moved(address from, address to, address d, bytes calldata data) private {
        (uint256 amount, uint256 sold, uint256 bought, uint48 until) =
            abi.decode(data, (uint256, uint256, uint256, uint48));
        _sell(from, d, amount, sold);
        _buy(to, d, amount, bought);
        _moves[to][d] = Move(from, uint96(amount), 0, until);
    }

    function _slashed(address o, bytes calldata data) private {
        (uint256 own, uint256 ownShares, uint128 ownExit, uint96 rest, uint128 exit, uint256 left) =
            abi.decode(data, (uint256, uint256, uint128, uint96, uint128, uint256));
        Pool storage p = _pools[o];
        if (ownShares != 0) _sell(o, o, own, ownShares);
        p.exits[OWNER].stake -= ownExit;
        p.exits[DELEGATORS].stake -= exit;
        p.stake -= rest;
        if (rest != 0) checkpointed[o] = p.stake;
        survival[o] = left;
    }

    function _buy(address o, address d, uint256 amount, uint256 shares) private {
        Pool storage p = _pools[o];
        Position storage q = _positions[o][d];
        q.mark = uint160(p.feePerShare - (uint256(q.shares) * (p.feePerShare - q.mark)) / (q.shares + shares));
        q.shares += uint96(shares);
        p.shares += uint96(shares);
        p.stake += uint96(amount);
        checkpointed[o] = p.stake;
    }

    function _sell(address o, address d, uint256 amount, uint256 shares) private {
        Pool storage p = _pools[o];
        Position storage q = _positions[o][d];
        q.fees += _unclaimed(p, q);
        q.mark = p.feePerShare;
        q.shares -= uint96(shares);
        p.shares -= uint96(shares);
        p.stake -= uint96(amount);
        checkpointed[o] = p.stake;
    }

    function _unlock(address o, address d, uint256 id, uint256 amount) private {
        Exit storage e = _exit(o, _pools[o], d);
        e.stake -= uint128(amount);
        e.shares -= _locks[d][id].shares;
        delete _locks[d][id];
    }

    // ---------------------------------------------------------------- the same questions as StakingViews answers

    function listing(address o) external view returns (Listing memory l) {
        Pool storage p = _pools[o];
        uint256 amount = active[o] ? (uint256(p.stake) * (_clock.emissionPerStake - p.emissionMark)) >> 64 : 0;
        uint256 cut = (amount * p.rewardCut) / PPM;
        l.id = o;
        l.operator = operator[o];
        l.stake = p.stake + amount - cut;
        l.commission = p.commission + cut;
        (l.rewardCut, l.feeShare) = (p.rewardCut, p.feeShare);
        (l.nextRewardCut, l.nextFeeShare, l.cutsAt) = (p.nextRewardCut, p.nextFeeShare, p.cutsAt);
        l.active = active[o];
        if (l.active) l.activeFrom = activeFrom[o];
        l.jailedUntil = p.jailedUntil;
        l.capabilities = p.capabilities;
        l.serviceURI = p.serviceURI;
        if (p.shares != 0) l.selfStake = (l.stake * _positions[o][o].shares) / p.shares;
    }

    function pool(address o) external view returns (uint256, uint256, uint256, uint256) {
        Pool storage p = _pools[o];
        return (p.shares, p.feePerShare, uint256(p.exits[0].stake) + p.exits[1].stake, survival[o]);
    }

    function position(address o, address d) external view returns (uint256 shares, uint256 fees) {
        Position storage q = _positions[o][d];
        fees = q.fees + _unclaimed(_pools[o], q) + (o == d ? _pools[o].ownerFees : 0);
        return (q.shares, fees);
    }

    function move(address o, address d) external view returns (address, uint256, uint64) {
        Move storage m = _moves[o][d];
        return (m.from, m.amount, m.until);
    }

    function unbondings(address d) external view returns (Unbonding[] memory list) {
        list = new Unbonding[](_lockCount[d]);
        for (uint256 i = 0; i < list.length; ++i) {
            Lock storage l = _locks[d][i];
            Exit storage e = _exit(l.orchestrator, _pools[l.orchestrator], d);
            if (l.shares != 0) {
                list[i] = Unbonding(l.orchestrator, l.releaseAt, (uint256(l.shares) * e.stake) / e.shares);
            }
        }
    }
}

library StakingParametersOf {
    function read(StakingState s) internal view returns (StakingParameters memory) {
        return
            StakingParameters(
                uint96(s.minSelfStake()), s.unbondingPeriod(), uint16(s.maxActive()), uint32(s.maxSlash())
            );
    }
}

contract StakingEventsTest is Fixture {
    StakingHandler private _handler;
    StakingReplica private _replica;

    function setUp() public override {
        vm.recordLogs();
        super.setUp();
        _handler = new StakingHandler(staking, token, judge);
        for (uint256 i = 0; i < _handler.ACTORS(); ++i) {
            if (i == 3) _register(_handler.actor(i), 40 ether);
            _give(_handler.actor(i), 500 ether);
        }
        _replica = new StakingReplica(staking);
        _replica.replay(vm.getRecordedLogs(), address(staking));
    }

    /// Whatever happened, the events tell all of it.
    function testFuzz_eventsTellAll(uint256 seed) public {
        for (uint256 i = 0; i < 60; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 refused = _handler.refused();
            _act(seed % 16, seed >> 16, seed >> 32, seed >> 48);
            Vm.Log[] memory logs = vm.getRecordedLogs(); // those of reverted calls, too
            if (_handler.refused() == refused) _replica.replay(logs, address(staking));
        }
        for (uint256 i = 0; i < _handler.ACTORS(); ++i) {
            _compare(_handler.actor(i));
        }
    }

    function _act(uint256 what, uint256 x, uint256 y, uint256 z) private {
        if (what < 3) _handler.delegate(x, y, z);
        if (what == 3) _handler.unbond(x, y, z);
        if (what == 4) _handler.rebond(x, y);
        if (what == 5) _handler.withdraw(x, y);
        if (what == 6) _handler.move(x, y, y + 1, z);
        if (what == 7) _handler.settleMove(x, y);
        if (what == 8) _handler.joinOrLeave(x, y, z % 2 == 0);
        if (what == 9) _handler.setCuts(x, uint32(y), uint32(z));
        if (what == 10) _handler.reward(x);
        if (what == 11) _handler.depositFees(x, y);
        if (what == 12) _handler.claim(x, y);
        if (what == 13) _handler.slash(x, y);
        if (what == 14 && y % 4 == 0) _handler.jail(x);
        if (what == 14 && y % 4 == 1) staking.checkpoint(orchestrators[x % 3]);
        if (what == 14 && y % 4 == 2) _restate(orchestrators[x % 3], z);
        if (what == 15) _handler.wait(x);
    }

    function _restate(address o, uint256 z) private {
        vm.startPrank(o);
        staking.setCapabilities(z);
        staking.setServiceURI("https://moved");
        staking.setOperator(address(uint160(o) + 0x2000), "");
        vm.stopPrank();
        vm.warp(block.timestamp + ROUND); // the new key holds
    }

    function _compare(address o) private view {
        Listing memory want = views.orchestratorInfo(o);
        Listing memory got = _replica.listing(o);
        got.weight = want.weight; // by the block's time, which a log does not have
        eq(got.operator, want.operator);
        eq(got.stake, want.stake);
        eq(got.selfStake, want.selfStake);
        eq(got.commission, want.commission);
        ok(got.active == want.active, "active");
        eq(keccak256(abi.encode(got)), keccak256(abi.encode(want)));
        eq(_replica.checkpointed(o), views.stakeAt(o, type(uint32).max));
        (uint256 shares, uint256 perShare, uint256 exiting, uint256 survival) = views.poolInfo(o);
        (uint256 a, uint256 b, uint256 c, uint256 d) = _replica.pool(o);
        eq(keccak256(abi.encode(a, b, c)), keccak256(abi.encode(shares, perShare, exiting)));
        if (want.operator != address(0)) eq(d, survival);
        for (uint256 i = 0; i < _handler.ACTORS(); ++i) {
            _comparePosition(o, _handler.actor(i));
        }
        eq(keccak256(abi.encode(_replica.unbondings(o))), keccak256(abi.encode(views.unbondings(o))));
    }

    function _comparePosition(address o, address who) private view {
        (, uint256 shares, uint256 fees) = views.positionInfo(o, who);
        (uint256 gotShares, uint256 gotFees) = _replica.position(o, who);
        eq(gotShares, shares);
        eq(gotFees, fees);
        (address from, uint256 liable, uint64 until) = views.moveInfo(o, who);
        (address gotFrom, uint256 gotLiable, uint64 gotUntil) = _replica.move(o, who);
        eq(keccak256(abi.encode(gotFrom, gotLiable, gotUntil)), keccak256(abi.encode(from, liable, until)));
    }
}
