// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Shares} from "./Shares.sol";
import {StakingState} from "./StakingState.sol";

/// @title Pools
/// @notice The steps on which all parts of Staking stand: the round's emission comes in (_advance), a pool takes its part
/// (_settle), shares are bought and sold with the fees of their position kept right, and the active set changes.
///
/// Every change of a pool's stake begins with _advance and _settle, so emission always goes to the stake that was there when it
/// came in.
abstract contract Pools is StakingState {
    using Checkpoints for Checkpoints.Trace208;

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
        } catch {} // solhint-disable-line no-empty-blocks
    }

    /// Gives a pool its part of the emission since it was settled last. Cuts that were announced come into force behind it, so
    /// that they never reach emission of before.
    function _settle(address orchestrator, Pool storage pool) internal returns (uint256 amount) {
        if (pool.place != 0) {
            uint128 now_ = _clock.emissionPerStake;
            amount = (uint256(pool.stake) * (now_ - pool.emissionMark)) >> 64;
            if (amount != 0) {
                uint256 cut = (amount * pool.rewardCut) / PPM;
                pool.emissionMark = now_;
                pool.commission += uint96(cut);
                pool.stake += uint96(amount - cut);
                _clock.activeStake += uint96(amount - cut);
                emit Rewarded(orchestrator, _clock.round, amount, cut);
            }
        }
        if (pool.cutsAnnounced && block.timestamp >= pool.cutsAt) {
            pool.cutsAnnounced = false;
            pool.rewardCut = pool.nextRewardCut;
            pool.feeShare = pool.nextFeeShare;
            pool.cutsAt = 0;
            emit CutsSet(orchestrator, pool.rewardCut, pool.feeShare);
        }
    }

    // ---------------------------------------------------------------- shares

    /// Buys shares for `amount`. The position's mark rises so that its fees stay what they are.
    function _buy(address orchestrator, Pool storage pool, address delegator, uint256 amount)
        internal
        returns (uint256 shares)
    {
        shares = Shares.bought(amount, pool.stake, pool.shares);
        if (shares == 0) revert ZeroAmount();
        Position storage position = _positions[orchestrator][delegator];
        uint256 held = position.shares;
        uint256 feePerShare = pool.feePerShare;
        uint256 earned = held == 0 ? 0 : Math.mulDiv(held, feePerShare - position.mark, held + shares);
        position.shares = uint96(held + shares);
        position.mark = uint160(feePerShare - earned);
        pool.shares = _uint96(pool.shares + shares);
        _setStake(pool, pool.stake + amount);
    }

    /// Sells shares for `amount`. The position's fees are set aside.
    function _sell(address orchestrator, Pool storage pool, address delegator, uint256 amount, uint256 shares)
        internal
    {
        Position storage position = _positions[orchestrator][delegator];
        position.fees += _unclaimed(pool, position);
        position.mark = pool.feePerShare;
        position.shares -= uint96(shares);
        pool.shares -= uint96(shares);
        _setStake(pool, pool.stake - amount);
    }

    function _setStake(Pool storage pool, uint256 stake) internal {
        if (pool.place != 0) _clock.activeStake = uint96(_clock.activeStake + stake - pool.stake);
        pool.stake = uint96(stake);
        pool.stakes.push(uint48(_nextRound()), uint208(stake));
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
        _active.push(orchestrator);
        _join(orchestrator, pool, _active.length);
    }

    function _join(address orchestrator, Pool storage pool, uint256 place) internal {
        uint64 activeFrom = _nextRound();
        pool.place = uint16(place);
        pool.activeFrom = uint32(activeFrom);
        pool.emissionMark = _clock.emissionPerStake;
        _clock.activeStake += pool.stake;
        emit Joined(orchestrator, activeFrom);
    }

    /// Takes a member out; the last one moves to its place.
    function _leave(address orchestrator, Pool storage pool) internal {
        uint256 place = pool.place;
        address last = _active[_active.length - 1];
        _active[place - 1] = last;
        _pools[last].place = uint16(place);
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

    /// A pool of which slashes left next to nothing can have too many shares to sell more.
    function _uint96(uint256 value) internal pure returns (uint96) {
        if (value > type(uint96).max) revert PoolWornOut();
        return uint96(value);
    }
}
