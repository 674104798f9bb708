/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.store;

import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.persistence.StateHandleStore;
import org.apache.flink.runtime.persistence.StringResourceVersion;
import org.apache.flink.runtime.state.RetrievableStateHandle;

import io.flinkkubeha.bridge.ConfigMapAccess;
import io.flinkkubeha.bridge.ErrorCode;
import io.flinkkubeha.bridge.NativeException;
import io.flinkkubeha.bridge.Pointer;
import io.flinkkubeha.storage.StateFiles;
import io.flinkkubeha.storage.StoredStateHandle;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import javax.annotation.Nullable;

import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * {@link StateHandleStore} with the state in files and pointers to them in a ConfigMap.
 *
 * <p>It belongs to the grant that held when it was created: under another one it still reads, and
 * every write ends in an exception.
 *
 * <p>A file is written before its pointer, and discarded again only if the pointer has certainly
 * not been written; where that is found out later, by {@link UnreferencedFiles}. A removal marks the
 * pointer, discards the state, then takes the pointer away; each step can be repeated by whoever
 * comes after a crash. A marked pointer counts as absent, and one whose state is discarded may wait
 * for the next write to the ConfigMap, which takes it along.
 *
 * @param <T> type of the state
 */
public final class ConfigMapStateHandleStore<T extends Serializable>
        implements StateHandleStore<T, StringResourceVersion> {

    private static final Logger LOG = LoggerFactory.getLogger(ConfigMapStateHandleStore.class);

    /** A rival may finish a removal and add again between two calls of ours, but not for ever. */
    private static final int ADD_ATTEMPTS = 3;

    private final ConfigMapAccess configMap;
    private final String keyPrefix;
    private final StateFiles<T> files;
    private final PointerReader<T> pointers;

    public ConfigMapStateHandleStore(
            ConfigMapAccess configMap, String keyPrefix, StateFiles<T> files) {
        this.configMap = checkNotNull(configMap);
        this.keyPrefix = checkNotNull(keyPrefix);
        this.files = checkNotNull(files);
        this.pointers = new PointerReader<>(configMap.name(), files);
    }

    @Override
    public RetrievableStateHandle<T> addAndLock(String key, T state) throws Exception {
        checkNotNull(key, "Key in ConfigMap.");
        checkNotNull(state, "State.");
        final StoredStateHandle<T> handle = files.store(state);
        boolean mayBeReferenced = true;
        try {
            for (int attempt = 1; ; attempt++) {
                mayBeReferenced = true;
                try {
                    configMap.addPointer(key, handle.location(), handle.getStateSize());
                    return handle;
                } catch (NativeException e) {
                    mayBeReferenced = !e.code().isCertainlyNotApplied();
                    if (attempt == ADD_ATTEMPTS || !isRemovable(key, e)) {
                        throw ErrorMapping.ofStore("add " + key, configMap.name(), e);
                    }
                }
                releaseAndTryRemove(key);
            }
        } finally {
            if (!mayBeReferenced) {
                discardUnreferenced(handle);
            }
        }
    }

    /** Whether what stands in the way of an addition is something that nobody needs any more. */
    private boolean isRemovable(String key, NativeException refusal) throws Exception {
        if (refusal.code() != ErrorCode.UNDECODABLE) {
            return refusal.code() == ErrorCode.MARKED_FOR_DELETION;
        }
        final Pointer pointer = readPointer("look up " + key, key);
        try {
            if (pointer == null || pointers.read(key, pointer).isMarked()) {
                return true;
            }
        } catch (IOException e) {
            return true;
        }
        throw new AlreadyExistException(
                key + " already exists in ConfigMap " + configMap.name() + ".", refusal);
    }

    @Override
    public void replace(String key, StringResourceVersion ignoredVersion, T state)
            throws Exception {
        checkNotNull(key, "Key in ConfigMap.");
        checkNotNull(state, "State.");
        final StoredStateHandle<T> handle = files.store(state);
        final Pointer old;
        try {
            old = configMap.replacePointer(key, handle.location(), handle.getStateSize());
        } catch (NativeException e) {
            if (e.code().isCertainlyNotApplied()) {
                discardUnreferenced(handle);
            }
            final Exception failure =
                    ErrorMapping.ofStore("replace " + key, configMap.name(), e);
            if (e.code() == ErrorCode.MARKED_FOR_DELETION) {
                finishRemoval(key, failure);
            }
            throw failure;
        }
        if (old != null) {
            discardReplaced(key, old);
        }
    }

    /** For a replacement the key is absent either way. */
    private void finishRemoval(String key, Exception failure) {
        try {
            releaseAndTryRemove(key);
        } catch (Exception e) {
            failure.addSuppressed(e);
        }
    }

    /** The new state is in place, so what happens to the old one must not look like a failure. */
    private void discardReplaced(String key, Pointer old) {
        try {
            pointers.read(key, old).handle().discardState();
        } catch (Exception e) {
            LOG.warn(
                    "The state that {} in ConfigMap {} pointed to before stays behind: {}",
                    key,
                    configMap.name(),
                    PointerReader.quote(old),
                    e);
        }
    }

    private void discardUnreferenced(StoredStateHandle<T> handle) {
        try {
            handle.discardState();
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} stays behind, nothing points to it.", handle, e);
        }
    }

    /**
     * A version of the pointer itself: unlike that of the ConfigMap it does not change with every
     * write to another key.
     */
    @Override
    public StringResourceVersion exists(String key) throws Exception {
        final Pointer pointer = readPointer("look up " + key, key);
        try {
            return pointer == null || pointers.read(key, pointer).isMarked()
                    ? StringResourceVersion.notExisting()
                    : StringResourceVersion.valueOf(pointer.raw());
        } catch (IOException e) {
            LOG.warn("{} in ConfigMap {} counts as absent.", key, configMap.name(), e);
            return StringResourceVersion.notExisting();
        }
    }

    @Override
    public RetrievableStateHandle<T> getAndLock(String key) throws Exception {
        final Pointer pointer = readPointer("get " + key, key);
        if (pointer == null) {
            throw new NotExistException(
                    "Could not find " + key + " in ConfigMap " + configMap.name() + ".");
        }
        final PointerReader.Entry<T> entry = pointers.read(key, pointer);
        if (entry.isMarked()) {
            throw new NotExistException(
                    key + " in ConfigMap " + configMap.name() + " is marked for deletion.");
        }
        return entry.handle();
    }

    @Nullable
    private Pointer readPointer(String attempt, String key) throws Exception {
        try {
            return configMap.readPointer(checkNotNull(key, "Key in ConfigMap."));
        } catch (NativeException e) {
            throw ErrorMapping.ofCall(attempt, configMap.name(), e);
        }
    }

    @Override
    public List<Tuple2<RetrievableStateHandle<T>, String>> getAllAndLock() throws Exception {
        final List<Tuple2<RetrievableStateHandle<T>, String>> handles = new ArrayList<>();
        readLive(true).forEach((key, handle) -> handles.add(Tuple2.of(handle, key)));
        return handles;
    }

    @Override
    public Collection<String> getAllHandles() throws Exception {
        return new ArrayList<>(readLive(false).keySet());
    }

    private Map<String, RetrievableStateHandle<T>> readLive(boolean missingIsEmpty)
            throws Exception {
        final Map<String, Pointer> found;
        try {
            found = configMap.readPointers(keyPrefix);
        } catch (NativeException e) {
            if (missingIsEmpty && e.code() == ErrorCode.CONFIG_MAP_MISSING) {
                return Collections.emptyMap();
            }
            throw ErrorMapping.ofCall("list " + keyPrefix + "*", configMap.name(), e);
        }
        final Map<String, RetrievableStateHandle<T>> live = new LinkedHashMap<>();
        found.forEach(
                (key, pointer) -> {
                    try {
                        final PointerReader.Entry<T> entry = pointers.read(key, pointer);
                        if (!entry.isMarked()) {
                            live.put(key, entry.handle());
                        }
                    } catch (IOException e) {
                        LOG.warn("{} in ConfigMap {} is left out.", key, configMap.name(), e);
                    }
                });
        return live;
    }

    @Override
    public boolean releaseAndTryRemove(String key) throws Exception {
        checkNotNull(key, "Key in ConfigMap.");
        try {
            final Pointer pointer = beginRemoval(key);
            if (pointer != null) {
                discardRemoved(key, pointer);
                configMap.removePointer(key, pointer);
            }
            return true;
        } catch (NativeException e) {
            throw ErrorMapping.ofCall("remove " + key, configMap.name(), e);
        }
    }

    /**
     * Ends the removals that a predecessor has begun. What fails is left to a successor: nothing but
     * the space that it takes depends on it.
     */
    public void finishRemovals() {
        try {
            configMap.readPointers(keyPrefix).forEach(this::finishIfMarked);
        } catch (NativeException e) {
            LOG.debug("Removals in ConfigMap {} are not finished.", configMap.name(), e);
        }
    }

    private void finishIfMarked(String key, Pointer pointer) {
        if (pointer.state() != Pointer.State.MARKED) {
            return;
        }
        try {
            discardRemoved(key, pointer);
            configMap.removePointer(key, pointer);
        } catch (Exception e) {
            LOG.info(
                    "{} in ConfigMap {}, whose removal has begun, stays for now: {}",
                    key,
                    configMap.name(),
                    e.getMessage());
        }
    }

    @Nullable
    private Pointer beginRemoval(String key) throws NativeException {
        try {
            return configMap.markPointer(key);
        } catch (NativeException e) {
            if (e.code() != ErrorCode.UNDECODABLE) {
                throw e;
            }
            return configMap.readPointer(key);
        }
    }

    private void discardRemoved(String key, Pointer pointer) throws Exception {
        final RetrievableStateHandle<T> handle;
        try {
            handle = pointers.read(key, pointer).handle();
        } catch (IOException e) {
            LOG.warn("It is taken away, and a file that it points to stays behind.", e);
            return;
        }
        handle.discardState();
    }

    @Override
    public void clearEntries() throws Exception {
        try {
            configMap.clearPointers(keyPrefix);
        } catch (NativeException e) {
            throw ErrorMapping.ofCall("clear " + keyPrefix + "*", configMap.name(), e);
        }
    }

    /** Nothing is locked by reading. */
    @Override
    public void release(String key) {}

    /** Flink's last call to a store that it suspends. */
    @Override
    public void releaseAll() {
        try {
            configMap.finishRemovals();
        } catch (NativeException e) {
            LOG.debug("The next leader takes away what is left: {}", e.getMessage());
        } finally {
            configMap.close();
        }
    }

    @Override
    public String toString() {
        return getClass().getSimpleName() + "{configMapName='" + configMap.name() + "'}";
    }
}
