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

package io.flinkkubeha.line;

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * Finds out whether classes of ours link in the Flink that is there, before one of them runs: every
 * class, method and field of Flink that they refer to is looked up as the JVM would do it, and every
 * class that they create has all methods that Flink's interfaces ask for now.
 *
 * <p>It follows references from one class of ours to the next, so what belongs to another line stays
 * out.
 */
final class Linkage {

    private static final String FLINK = "org/apache/flink/";
    private static final String OURS = "io/flinkkubeha/";
    private static final String FACTORY =
            "org/apache/flink/kubernetes/highavailability/KubernetesHaServicesFactory";

    private final ClassLoader loader;
    private final Deque<String> pending = new ArrayDeque<>();
    private final Set<String> classes = new LinkedHashSet<>();
    private final Set<String> created = new LinkedHashSet<>();
    private final List<String> faults = new ArrayList<>();
    private int references;

    private Linkage(ClassLoader loader) {
        this.loader = checkNotNull(loader);
    }

    /** Checks everything that runs with an adapter. */
    static Linkage of(String adapter, ClassLoader loader) {
        final Linkage linkage = new Linkage(loader);
        // Flink creates the one, we create the other, both by name.
        linkage.createdByName(FACTORY);
        linkage.createdByName(adapter.replace('.', '/'));
        linkage.check();
        return linkage;
    }

    /** One line for each thing that is missing; empty if all is well. */
    List<String> faults() {
        return faults;
    }

    /** Classes of ours that were looked at. */
    int classes() {
        return classes.size();
    }

    /** What they refer to, in Flink and among themselves. */
    int references() {
        return references;
    }

    private void createdByName(String name) {
        created.add(name);
        enqueue(name);
    }

    private void enqueue(String name) {
        if (isOurs(name) && classes.add(name)) {
            pending.add(name);
        }
    }

    private void check() {
        while (!pending.isEmpty()) {
            final String name = pending.remove();
            guarded(name, () -> checkClass(read(name)));
        }
        for (String name : created) {
            guarded(name, () -> checkComplete(load(name)));
        }
    }

    private ClassFile read(String name) throws IOException {
        try (InputStream in = loader.getResourceAsStream(name + ".class")) {
            if (in == null) {
                throw new IOException("There is no class file.");
            }
            return ClassFile.read(in);
        }
    }

    private void checkClass(ClassFile file) throws ReflectiveOperationException {
        final Class<?> referrer = load(file.name);
        for (String name : file.classes) {
            enqueue(name);
            if (name.startsWith(FLINK)) {
                references++;
                guarded(file.name, () -> load(name));
            }
        }
        for (ClassFile.Member member : file.members) {
            if (!member.owner.startsWith(FLINK) && !isOurs(member.owner)) {
                continue;
            }
            references++;
            final boolean ofSuper = member.isConstructor() && member.owner.equals(file.superName);
            if (member.isConstructor() && !ofSuper && isOurs(member.owner)) {
                created.add(member.owner);
            }
            guarded(file.name, () -> find(member, referrer, ofSuper));
        }
    }

    /** Looks a member up with the rights of the class that refers to it. */
    private void find(ClassFile.Member member, Class<?> referrer, boolean ofSuper)
            throws ReflectiveOperationException {
        final Class<?> owner = load(member.owner);
        final MethodHandles.Lookup lookup =
                MethodHandles.privateLookupIn(referrer, MethodHandles.lookup());
        if (member.isField()) {
            final Class<?> type = type("()" + member.descriptor).returnType();
            anyOf(
                    () -> lookup.findGetter(owner, member.name, type),
                    () -> lookup.findStaticGetter(owner, member.name, type));
        } else if (ofSuper) {
            // What a subclass may call is more than what this kind of look-up may.
            final MethodHandles.Lookup inside =
                    MethodHandles.privateLookupIn(owner, MethodHandles.lookup());
            final MethodHandle constructor = inside.findConstructor(owner, type(member.descriptor));
            final int modifiers = inside.revealDirect(constructor).getModifiers();
            if (!Modifier.isPublic(modifiers)
                    && !Modifier.isProtected(modifiers)
                    && owner.getPackage() != referrer.getPackage()) {
                throw new IllegalAccessException(member + " is not for subclasses");
            }
        } else if (member.isConstructor()) {
            lookup.findConstructor(owner, type(member.descriptor));
        } else {
            final MethodType type = type(member.descriptor);
            anyOf(
                    () -> lookup.findVirtual(owner, member.name, type),
                    () -> lookup.findStatic(owner, member.name, type));
        }
    }

    /** A member that is there but static, or not, is an illegal access to these look-ups. */
    private static void anyOf(Step instance, Step ofClass) throws ReflectiveOperationException {
        try {
            instance.run();
        } catch (IllegalAccessException e) {
            ofClass.run();
        }
    }

    /** A class of which there are objects must not inherit a method without a body. */
    private void checkComplete(Class<?> type) {
        for (Method method : type.getMethods()) {
            requireBody(type, method);
        }
        for (Class<?> up = type.getSuperclass(); up != null; up = up.getSuperclass()) {
            for (Method method : up.getDeclaredMethods()) {
                if (!Modifier.isPublic(method.getModifiers())) {
                    requireBody(type, nearest(type, method));
                }
            }
        }
    }

    private void requireBody(Class<?> type, Method method) {
        if (Modifier.isAbstract(method.getModifiers())) {
            faults.add(type.getName() + " does not implement " + method);
        }
    }

    private static Method nearest(Class<?> type, Method method) {
        for (Class<?> up = type; up != method.getDeclaringClass(); up = up.getSuperclass()) {
            for (Method candidate : up.getDeclaredMethods()) {
                if (candidate.getName().equals(method.getName())
                        && candidate.getReturnType() == method.getReturnType()
                        && Arrays.equals(
                                candidate.getParameterTypes(), method.getParameterTypes())) {
                    return candidate;
                }
            }
        }
        return method;
    }

    private Class<?> load(String name) throws ClassNotFoundException {
        return Class.forName(name.replace('/', '.'), false, loader);
    }

    private MethodType type(String descriptor) {
        return MethodType.fromMethodDescriptorString(descriptor, loader);
    }

    private static boolean isOurs(String name) {
        return name.startsWith(OURS) || name.equals(FACTORY);
    }

    private interface Step {
        void run() throws ReflectiveOperationException;
    }

    private interface Check {
        void run() throws ReflectiveOperationException, IOException;
    }

    private void guarded(String name, Check check) {
        try {
            check.run();
        } catch (ReflectiveOperationException
                | IOException
                | LinkageError
                | TypeNotPresentException e) {
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            faults.add(name.replace('/', '.') + ": " + cause);
        }
    }
}
