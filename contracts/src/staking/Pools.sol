// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Shares} from "./Shares.sol";
import {StakingState} from "./StakingState.sol";

/// @title Pools
/// @notice The steps on which all parts of Staking stand: the round's emission comes in (_advance), a pool takes its part
/// (_settle), shares are bought and sold with the fees of their position kept right, and the active set changes.
///
/// Every change of a pool's stake begins with _advance and _settle, so emission always goes to the stake that was there when it
/// came in.
abstract contract Pools is StakingState {
    /// Shares are not sold where `shares` of them are worth 2^24 · (shares + 1) CAST units or more: a share that is sold costs
    /// less than 2^25 (a single one; of many, 2^24 each). Too much of what it is bought with would be rounded away, and an owner who
    /// left itself a single share can make it dear by buying and selling next to it.
    uint256 private constant MAX_PRICE_BITS = 24;

    // ---------------------------------------------------------------- emission

    /// Takes the emission of the rounds since the last call in and spreads it over the active stake. Leaving must not depend on
    /// Rounds: if it fails, its emission comes in with a later round.
    function _advance() internal {
        uint64 round = _currentRound();
        if (_clock.round == round) return;
        _clock.round = uint32(round);
        try rounds.collect() returns (uint256 amount) {
            if (amount == 0 || _clock.activeStake == 0) return;
            _clock.emissionPerStake += uint128((amount << 64) / _clock.activeStake);
            emit EmissionCollected(round, amount);
        } catch {}
    }

    /// Gives a pool its part of the emission since it was settled last. Cuts that were announced come into force behind it, so
    /// that they never reach emission of before.
    /// @dev Fields of one slot are read together and written together, here and below: each access of its own costs gas.
    function _settle(address orchestrator, Pool storage pool) internal returns (uint256 amount) {
        (uint256 stake, uint256 place) = (pool.stake, pool.place);
        (uint256 mark, uint256 commission) = (pool.emissionMark, pool.commission);
        (uint256 rewardCut, bool announced) = (pool.rewardCut, pool.cutsAnnounced);
        if (place != 0) {
            (uint256 perStake, uint256 active) = (_clock.emissionPerStake, _clock.activeStake);
            unchecked {
                // All CAST there is fits into 96 bits.
                amount = (stake * (perStake - mark)) >> 64;
                if (amount != 0) {
                    uint256 cut = (amount * rewardCut) / PPM;
                    pool.emissionMark = uint128(perStake);
                    pool.commission = uint96(commission + cut);
                    pool.stake = uint96(stake + amount - cut);
                    _clock.activeStake = uint96(active + amount - cut);
                    emit Rewarded(orchestrator, amount, cut);
                }
            }
        }
        if (announced && block.timestamp >= pool.cutsAt) _applyCuts(orchestrator, pool);
    }

    function _applyCuts(address orchestrator, Pool storage pool) private {
        (uint24 rewardCut, uint24 feeShare) = (pool.nextRewardCut, pool.nextFeeShare);
        pool.cutsAnnounced = false;
        pool.rewardCut = rewardCut;
        pool.feeShare = feeShare;
        pool.cutsAt = 0;
        emit CutsSet(orchestrator, rewardCut, feeShare);
    }

    // ---------------------------------------------------------------- shares

    /// Buys shares for `amount`. The position's mark rises so that its fees stay what they are.
    function _buy(address orchestrator, Pool storage pool, address delegator, uint256 amount)
        internal
        returns (uint256 shares)
    {
        (uint256 stake, uint256 all, uint256 place) = (pool.stake, pool.shares, pool.place);
        uint256 count = _record(pool, stake + amount);
        shares = Shares.bought(amount, stake, all);
        if (shares == 0) revert ZeroAmount();
        if (all + shares > type(uint96).max || stake + amount > type(uint96).max || stake >> MAX_PRICE_BITS > all) {
            revert PoolWornOut();
        }
        Position storage position = _positions[orchestrator][delegator];
        (uint256 held, uint256 mark) = (position.shares, position.mark);
        uint256 feePerShare = pool.feePerShare;
        unchecked {
            // feePerShare is below 2^153: all ether there is, × 2^96, over MIN_SHARES.
            if (mark != feePerShare) mark = feePerShare - (held * (feePerShare - mark)) / (held + shares);
            position.shares = uint96(held + shares);
            position.mark = uint160(mark);
            pool.stake = uint96(stake + amount);
            pool.shares = uint96(all + shares);
            pool.checkpoints = uint32(count);
            if (place != 0) _clock.activeStake += uint96(amount);
        }
    }

    /// Sells shares for `amount`. The position's fees are set aside.
    function _sell(address orchestrator, Pool storage pool, address delegator, uint256 amount, uint256 shares)
        internal
    {
        Position storage position = _positions[orchestrator][delegator];
        uint256 fees = _unclaimed(pool, position);
        if (fees != 0) position.fees += fees;
        position.shares -= uint96(shares);
        position.mark = pool.feePerShare;
        pool.shares -= uint96(shares);
        _setStake(pool, pool.stake - amount);
    }

    function _setStake(Pool storage pool, uint256 stake) internal {
        if (pool.place != 0) _clock.activeStake = uint96(_clock.activeStake + stake - pool.stake);
        pool.stake = uint96(stake);
        pool.checkpoints = uint32(_record(pool, stake));
    }

    /// Writes a pool's stake down for the next round; how many checkpoints that makes is for the caller to keep.
    function _record(Pool storage pool, uint256 stake) private returns (uint256 count) {
        uint64 from = _nextRound();
        count = pool.checkpoints;
        unchecked {
            if (count == 0 || pool.history[count - 1].from != from) ++count;
            pool.history[count - 1] = Checkpoint(uint32(from), uint96(stake));
        }
    }

    function _worth(Pool storage pool, Position storage position) internal view returns (uint256) {
        return Shares.worth(position.shares, pool.stake, pool.shares);
    }

    function _selfStake(address orchestrator, Pool storage pool) internal view returns (uint256) {
        return _worth(pool, _positions[orchestrator][orchestrator]);
    }

    // ---------------------------------------------------------------- the active set

    /// Puts an owner who has what it takes into a free place.
    function _joinIfFree(address orchestrator, Pool storage pool) internal {
        bool fit = pool.place == 0 && _active.length < maxActive && _currentRound() >= pool.jailedUntil;
        if (!fit || _selfStake(orchestrator, pool) < minSelfStake) return;
        _active.push();
        _join(orchestrator, pool, _active.length);
    }

    function _join(address orchestrator, Pool storage pool, uint256 place) internal {
        uint64 activeFrom = _nextRound();
        _active[place - 1] = Member(orchestrator, activeFrom);
        pool.place = uint16(place);
        pool.emissionMark = _clock.emissionPerStake;
        _clock.activeStake += pool.stake;
        emit Joined(orchestrator, activeFrom);
    }

    /// Takes a member out; the last one moves to its place.
    function _leave(address orchestrator, Pool storage pool) internal {
        uint256 place = pool.place;
        Member memory last = _active[_active.length - 1];
        _active[place - 1] = last;
        _pools[last.orchestrator].place = uint16(place);
        _active.pop();
        _vacate(orchestrator, pool);
    }

    function _vacate(address orchestrator, Pool storage pool) internal {
        pool.place = 0;
        _clock.activeStake -= pool.stake;
        emit Left(orchestrator);
    }

    /// An owner below the minimum can't stay.
    function _leaveIfUnfit(address orchestrator, Pool storage pool) internal {
        if (pool.place != 0 && _selfStake(orchestrator, pool) < minSelfStake) _leave(orchestrator, pool);
    }

    // ---------------------------------------------------------------- little helpers

    function _registered(address orchestrator) internal view returns (Pool storage pool) {
        pool = _pools[orchestrator];
        if (!pool.registered) revert NotRegistered(orchestrator);
    }
}
