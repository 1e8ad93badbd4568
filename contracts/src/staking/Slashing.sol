// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {
    AccessManagedUpgradeable
} from "@openzeppelin/contracts-upgradeable/access/manager/AccessManagedUpgradeable.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Delegation} from "./Delegation.sol";
import {Shares} from "./Shares.sol";

/// @title Slashing
/// @notice What a proven offence costs. The owner pays first, with what it has in the pool and what it is taking out of it; what
/// that can't pay, all who are left in the pool or on their way out of it pay in proportion. Stake that moved away pays the same
/// proportion when its move is settled. One slash takes at most `maxSlash` of either group.
abstract contract Slashing is Delegation, AccessManagedUpgradeable {
    using Checkpoints for Checkpoints.Trace208;

    /// A share is never worth less than 2^-24 CAST units by a slash, so that shares stay countable.
    uint256 private constant MIN_PRICE_BITS = 24;

    /// @notice Takes up to `amount` CAST from `orchestrator`, its owner's stake first, and sends what was taken to the caller.
    /// @return taken CAST in all
    /// @return own CAST of it that was the owner's
    function slash(address orchestrator, uint256 amount) external restricted returns (uint256 taken, uint256 own) {
        Pool storage pool = _pools[orchestrator];
        _advance();
        _settle(orchestrator, pool);
        (uint256 bonded, uint256 shares, uint256 exiting) = _slashOwner(orchestrator, pool, amount);
        own = bonded + exiting;
        (uint256 rest, uint256 restExiting) = _slashRest(pool, amount - own);
        taken = own + rest + restExiting;
        emit Slashed(orchestrator, bonded, shares, exiting, rest, restExiting, _survival(pool));
        _leaveIfUnfit(orchestrator, pool);
        token.transfer(msg.sender, taken);
    }

    /// @notice Puts `orchestrator` out of the active set until `untilRound` begins.
    function jail(address orchestrator, uint64 untilRound) external restricted {
        Pool storage pool = _pools[orchestrator];
        if (untilRound > pool.jailedUntil) pool.jailedUntil = untilRound;
        emit Jailed(orchestrator, pool.jailedUntil);
        if (pool.place == 0) return;
        _advance();
        _settle(orchestrator, pool);
        _leave(orchestrator, pool);
    }

    /// The owner's stake pays for `amount`: its shares are sold, so nobody else's are worth less.
    function _slashOwner(address orchestrator, Pool storage pool, uint256 amount)
        private
        returns (uint256 own, uint256 shares, uint256 ownExit)
    {
        Exit storage exit = pool.exits[OWNER];
        uint256 self = _selfStake(orchestrator, pool);
        uint256 due = _due(amount, self + exit.stake);
        if (due == 0) return (0, 0, 0);
        own = Math.mulDiv(due, self, self + exit.stake);
        if (own != 0) {
            shares = Shares.sold(own, pool.stake, pool.shares);
            _sell(orchestrator, pool, orchestrator, own, shares);
        }
        ownExit = _spare(due - own, exit.stake, exit.shares);
        exit.stake -= uint128(ownExit);
    }

    /// All who are left pay for `amount`: their shares are worth less.
    function _slashRest(Pool storage pool, uint256 amount) private returns (uint256 rest, uint256 fromExit) {
        if (amount == 0) return (0, 0);
        Exit storage exit = pool.exits[DELEGATORS];
        uint256 all = uint256(pool.stake) + exit.stake;
        uint256 due = _due(amount, all);
        // Where nobody is left, those who moved away still pay.
        (uint256 part, uint256 whole) = all == 0 ? (maxSlash, uint256(PPM)) : (due, all);
        uint256 survival = Math.max(1, Math.mulDiv(_survival(pool), whole - part, whole));
        pool.survival.push(uint48(block.timestamp), uint208(survival));
        if (due == 0) return (0, 0);
        rest = _spare(Math.mulDiv(due, pool.stake, all), pool.stake, pool.shares);
        fromExit = _spare(due - Math.mulDiv(due, pool.stake, all), exit.stake, exit.shares);
        if (rest != 0) _setStake(pool, pool.stake - rest);
        exit.stake -= uint128(fromExit);
    }

    /// What of `amount` may be taken from `stake` at once.
    function _due(uint256 amount, uint256 stake) private view returns (uint256) {
        return Math.min(amount, (stake * maxSlash) / PPM);
    }

    /// What of `amount` the price of a share allows.
    function _spare(uint256 amount, uint256 stake, uint256 shares) private pure returns (uint256) {
        return Math.min(amount, Math.saturatingSub(stake, (shares >> MIN_PRICE_BITS) + 1));
    }
}
