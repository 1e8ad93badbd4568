// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";
import {Pools} from "./Pools.sol";
import {Shares} from "./Shares.sol";

/// @title Delegation
/// @notice Stake into pools, between them, and out of them.
///
/// Stake answers for what its orchestrator did until an unbonding period after it left. On its way out it waits in the pool's
/// exit, which a slash reaches like the pool. Stake that moves works for its new pool at once; what a slash of the former one
/// takes of it is burnt when the move is settled, by anybody, and until the period is over it can't leave the new pool.
abstract contract Delegation is Pools {
    using Checkpoints for Checkpoints.Trace208;

    /// @notice Puts `amount` of the caller's CAST behind `orchestrator`; an owner calls it for itself. An owner with enough
    /// stake of its own joins the active set with it if there is room.
    function delegate(address orchestrator, uint256 amount) public {
        Pool storage pool = _registered(orchestrator);
        _advance();
        _settle(orchestrator, pool);
        uint256 shares = _buy(orchestrator, pool, msg.sender, amount);
        emit Bonded(orchestrator, msg.sender, amount, shares);
        if (msg.sender == orchestrator) _joinIfFree(orchestrator, pool);
        token.transferFrom(msg.sender, address(this), amount);
    }

    /// @notice Begins to take `amount` CAST out of a pool (type(uint256).max: all that may leave). An owner whose own stake falls
    /// below the minimum leaves the active set.
    /// @return id of the unbonding; a delegator may have any number of them
    function unbond(address orchestrator, uint256 amount) external returns (uint256 id) {
        Pool storage pool = _registered(orchestrator);
        _advance();
        _settle(orchestrator, pool);
        uint256 shares;
        (amount, shares) = _take(orchestrator, pool, amount);
        Exit storage exit = _exit(orchestrator, pool, msg.sender);
        uint256 exitShares = Shares.bought(amount, exit.stake, exit.shares);
        exit.stake += uint128(amount);
        exit.shares += uint128(exitShares);
        uint64 releaseAt = uint64(block.timestamp) + unbondingPeriod;
        id = _lockCount[msg.sender]++;
        _locks[msg.sender][id] = Lock(orchestrator, releaseAt, uint128(exitShares));
        emit Unbonded(orchestrator, msg.sender, id, amount, shares, exitShares, releaseAt);
        if (msg.sender == orchestrator) _leaveIfUnfit(orchestrator, pool);
    }

    /// @notice Cancels the caller's unbonding `id`: what is left of it goes back behind the same orchestrator.
    function rebond(uint256 id) external {
        (address orchestrator, uint256 amount) = _unlock(id, type(uint64).max);
        Pool storage pool = _pools[orchestrator];
        _advance();
        _settle(orchestrator, pool);
        uint256 shares = _buy(orchestrator, pool, msg.sender, amount);
        emit Rebonded(orchestrator, msg.sender, id, amount, shares);
        if (msg.sender == orchestrator) _joinIfFree(orchestrator, pool);
    }

    /// @notice Pays what is left of the caller's unbonding `id` out, once its time has come.
    function withdraw(uint256 id) external {
        (address orchestrator, uint256 amount) = _unlock(id, uint64(block.timestamp));
        emit Withdrawn(orchestrator, msg.sender, id, amount);
        token.transfer(msg.sender, amount);
    }

    /// @notice Moves `amount` of the caller's CAST (type(uint256).max: all that may leave) from one pool to another. It works and
    /// earns there at once, and stays liable to slashes of the former pool for one unbonding period, in which it can't leave. An
    /// owner's own stake neither leaves by a move nor comes by one: it would answer for another pool, and count for the
    /// minimum after that pool was slashed.
    function move(address from, address to, uint256 amount) external {
        if (from == to) revert SamePool();
        if (from == msg.sender || to == msg.sender) revert OwnerCannotMove();
        Pool storage source = _registered(from);
        Pool storage target = _registered(to);
        _advance();
        _settle(from, source);
        _settle(to, target);
        _settleMove(to, target, msg.sender);
        Move storage running = _moves[to][msg.sender];
        if (running.until != 0) revert MoveRunning(to, running.until);
        uint256 shares;
        (amount, shares) = _take(from, source, amount);
        uint256 bought = _buy(to, target, msg.sender, amount);
        uint64 until = uint64(block.timestamp) + unbondingPeriod;
        _moves[to][msg.sender] = Move(from, uint96(amount), uint96(_survival(source)), uint48(until));
        emit Moved(from, to, msg.sender, amount, shares, bought, until);
    }

    /// @notice Takes from what `delegator` moved to `orchestrator` what slashes of the former pool cost it, and burns it. Anyone
    /// may call it; the delegator's own transactions do.
    function settleMove(address orchestrator, address delegator) external {
        Pool storage pool = _registered(orchestrator);
        _advance();
        _settle(orchestrator, pool);
        _settleMove(orchestrator, pool, delegator);
    }

    // ---------------------------------------------------------------- insides

    /// Sells shares of the caller for `amount`, or for all that may leave.
    function _take(address orchestrator, Pool storage pool, uint256 amount)
        private
        returns (uint256 taken, uint256 shares)
    {
        _settleMove(orchestrator, pool, msg.sender);
        Position storage position = _positions[orchestrator][msg.sender];
        Move storage running = _moves[orchestrator][msg.sender];
        uint256 worth = _worth(pool, position);
        uint256 free = Math.saturatingSub(worth, running.amount);
        taken = amount == type(uint256).max ? free : amount;
        if (taken > worth) revert InsufficientStake(taken, free);
        if (taken > free || (free == 0 && worth != 0)) revert MoveRunning(orchestrator, running.until);
        if (taken == 0) revert ZeroAmount();
        shares = taken == worth ? position.shares : Shares.sold(taken, pool.stake, pool.shares);
        _sell(orchestrator, pool, msg.sender, taken, shares);
    }

    /// Ends the caller's unbonding `id`.
    /// @param time seconds since the epoch at which it must be released
    function _unlock(uint256 id, uint64 time) private returns (address orchestrator, uint256 amount) {
        Lock storage lock = _locks[msg.sender][id];
        uint256 shares = lock.shares;
        uint64 releaseAt;
        (orchestrator, releaseAt) = (lock.orchestrator, lock.releaseAt);
        if (shares == 0 || time < releaseAt) revert NotReleased(id, releaseAt);
        Exit storage exit = _exit(orchestrator, _pools[orchestrator], msg.sender);
        (uint256 stake, uint256 all) = (exit.stake, exit.shares);
        amount = Shares.worth(shares, stake, all);
        exit.stake = uint128(stake - amount);
        exit.shares = uint128(all - shares);
        delete _locks[msg.sender][id];
    }

    function _settleMove(address orchestrator, Pool storage pool, address delegator) private {
        Move storage running = _moves[orchestrator][delegator];
        uint256 until = running.until;
        if (until == 0) return;
        uint256 survival = _survivalAt(_pools[running.from], Math.min(until, block.timestamp));
        uint256 left = Math.mulDiv(running.amount, survival, running.survival);
        bool over = block.timestamp >= until;
        uint256 lost = running.amount - left;
        if (lost == 0 && !over) return;

        uint256 shares = 0;
        if (lost != 0) {
            Position storage position = _positions[orchestrator][delegator];
            uint256 worth = _worth(pool, position);
            if (lost >= worth) {
                (lost, shares) = (worth, position.shares);
            } else {
                shares = Shares.sold(lost, pool.stake, pool.shares);
            }
            if (shares != 0) _sell(orchestrator, pool, delegator, lost, shares);
        }
        if (over) {
            left = 0;
            delete _moves[orchestrator][delegator];
        } else {
            running.amount = uint96(left);
            running.survival = uint96(survival);
        }
        emit MoveSettled(orchestrator, delegator, lost, shares, left);
        if (lost != 0) token.burn(lost);
    }

    function _survivalAt(Pool storage pool, uint256 time) private view returns (uint256) {
        uint256 survival = pool.survival.upperLookupRecent(uint48(time));
        return survival == 0 ? FULL : survival;
    }
}
